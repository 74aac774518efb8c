import { applyDecorators } from '@nestjs/common';
import { ApiResponse } from '@nestjs/swagger';
import { setRouteOptions } from '../../platform/http/route-options.js';

/** Alertmanager answers a JSON text, or nothing; what never reached it is answered as such a text, too. */
const content = { 'application/json': { schema: {} } };

/** The errors of a route that passes Alertmanager's answers through, all in the form that Alertmanager's clients read. */
export function ApiNativeErrors(): MethodDecorator & ClassDecorator {
  return applyDecorators(
    setRouteOptions({ textErrors: true }),
    ApiResponse({ status: 400, description: 'Alertmanager cannot read it.', content }),
    ApiResponse({ status: 404, description: 'Alertmanager does not have it.', content }),
    ApiResponse({ status: 422, description: 'Alertmanager does not take it.', content }),
    ApiResponse({ status: 500, description: 'Alertmanager failed.', content }),
  );
}
