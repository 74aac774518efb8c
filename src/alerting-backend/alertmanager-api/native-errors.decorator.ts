import { applyDecorators } from '@nestjs/common';
import { ApiExtraModels, ApiResponse, getSchemaPath } from '@nestjs/swagger';
import { ProblemDto } from '../../platform/http/problem-details.dto.js';

/** What Alertmanager itself refuses is answered in its own words; what never reached it is a problem. */
const content = {
  'application/json': { schema: {} },
  'application/problem+json': { schema: { $ref: getSchemaPath(ProblemDto) } },
};

/** Documents the errors of a route that passes Alertmanager's answers through. */
export function ApiNativeErrors(): MethodDecorator & ClassDecorator {
  return applyDecorators(
    ApiExtraModels(ProblemDto),
    ApiResponse({ status: 400, description: 'Alertmanager cannot read it.', content }),
    ApiResponse({ status: 404, description: 'Alertmanager does not have it.', content }),
    ApiResponse({ status: 422, description: 'Alertmanager does not take it.', content }),
    ApiResponse({ status: 500, description: 'Alertmanager failed.', content }),
  );
}
