import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import { messageOf } from '../../platform/errors.js';
import { answerError } from './answer.js';
import { discardBody } from './read-body.js';
import { RequestError } from './request-error.js';
import { storageError } from './storage-error.js';

export interface Call {
  request: IncomingMessage;
  response: ServerResponse;
  /** Groups of the route's pattern. */
  params: string[];
  query: URLSearchParams;
}

export interface Route {
  method: string;
  /** Matches the whole raw path. */
  pattern: RegExp;
  handle: (call: Call) => Promise<void>;
}

/** Answers each request with the route that fits; every failure becomes an answer, and an unexpected one a log line. */
export function router(
  routes: Route[],
  log: Logger,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    dispatch(routes, request, response).catch(async (failure: unknown) => {
      const error = failure instanceof RequestError ? failure : (storageError(failure) ?? failure);
      if (!(error instanceof RequestError) && !response.destroyed) {
        log.error(
          { method: request.method, path: pathOf(request), reason: messageOf(error) },
          'A request failed.',
        );
      }
      if (response.headersSent) return void response.destroy();
      await discardBody(request);
      answerError(response, error);
    });
  };
}

async function dispatch(routes: Route[], request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = pathOf(request);
  const fitting = routes.filter((route) => route.pattern.test(path));
  const route = fitting.find(({ method }) => method === request.method);
  if (route === undefined) {
    if (fitting.length === 0) throw new RequestError(404, 'not-found', 'The companion has no such route.');
    throw new RequestError(
      405,
      'method-not-allowed',
      `Allowed here: ${fitting.map(({ method }) => method).join(', ')}.`,
    );
  }
  const query = new URLSearchParams(request.url?.slice(path.length + 1));
  await route.handle({ request, response, params: route.pattern.exec(path)?.slice(1) ?? [], query });
}

function pathOf(request: IncomingMessage): string {
  return request.url?.split('?')[0] ?? '/';
}
