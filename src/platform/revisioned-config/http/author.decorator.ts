import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { requestState, type OpniRequest } from '../../http/request-state.js';

/** `@Author() author: string`: who makes the request, as a revision names them. */
export const Author: () => ParameterDecorator = createParamDecorator(
  (_data: unknown, context: ExecutionContext): string =>
    requestState(context.switchToHttp().getRequest<OpniRequest>()).principal?.subject ?? 'anonymous',
);
