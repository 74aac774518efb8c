import type { FastifyInstance } from 'fastify';
import type { RouteOptions } from './route-options.js';

export interface Route {
  method: string;
  /** As registered, e.g. `/api/v1/operations/:id`. */
  url: string;
  options: RouteOptions;
}

/** Every route of the application, as the router knows it: for 405, and for the OpenAPI document to tell the same story. */
export class RouteTable {
  private readonly routes: (Route & { pattern: RegExp })[] = [];

  /** Must be called before any route is added. */
  watch(instance: FastifyInstance): void {
    instance.addHook('onRoute', (route) => {
      const options = (route.config ?? {}) as RouteOptions;
      if (options.bodyLimit !== undefined) route.bodyLimit = options.bodyLimit;
      for (const method of [route.method].flat()) {
        this.routes.push({ method, url: route.url, options, pattern: patternOf(route.url) });
      }
    });
  }

  /** Methods that a path answers; empty when there is no such path. */
  methodsOf(path: string): string[] {
    return [
      ...new Set(this.routes.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method)),
    ].sort();
  }

  find(method: string, url: string): Route | undefined {
    return this.routes.find((route) => route.method === method && route.url === url);
  }
}

function patternOf(url: string): RegExp {
  const source = url
    .split('/')
    .map((segment) => {
      if (segment.startsWith(':')) return '[^/]+';
      return segment.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*');
    })
    .join('/');
  return new RegExp(`^${source}$`);
}
