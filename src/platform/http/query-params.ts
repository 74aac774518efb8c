import { Query } from '@nestjs/common';
import { setRouteOptions } from './route-options.js';

/**
 * `@QueryParams() query: SomeQueryDto`: takes the query as a validated DTO. A handler without it refuses every query
 * parameter, so that a mistyped `?dryrun=true` never turns into a write.
 */
export function QueryParams(): ParameterDecorator {
  return (target, method, index) => {
    Query()(target, method, index);
    const descriptor = method === undefined ? undefined : Object.getOwnPropertyDescriptor(target, method);
    if (method !== undefined && descriptor) setRouteOptions({ query: true })(target, method, descriptor);
  };
}
