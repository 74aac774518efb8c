import { setRouteOptions } from '../http/route-options.js';

/** Opens a route to strangers: no credentials asked, `security: []` in the OpenAPI document. */
export function Public(): MethodDecorator & ClassDecorator {
  return setRouteOptions({ public: true });
}
