import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger as PinoLogger } from 'pino';
import { PROBLEM_TYPE, problemOf, textOf } from './problem-details.js';
import type { RouteOptions } from './route-options.js';

/** Path without the query, which may hold what must not be repeated. */
export function pathOf(url: string): string {
  const end = url.search(/[?#]/);
  return end < 0 ? url : url.slice(0, end);
}

/** For clients of another API, which cannot read problems. Paths that do not exist belong to no API but ours. */
function wantsText(request: FastifyRequest): boolean {
  return !request.is404 && (request.routeOptions.config as RouteOptions | undefined)?.textErrors === true;
}

/** Sends any error as a problem, whatever the route would have answered; as a JSON text on routes with `textErrors`. */
export function sendProblem(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  logger: PinoLogger,
): void {
  const problem = problemOf(error, { instance: pathOf(request.raw.url ?? '/'), traceId: request.id });
  // A client that went away before its whole body was there is no bug of ours.
  const gone = request.raw.destroyed && !request.raw.complete;
  if (problem.unexpected && !gone)
    logger.error({ err: error, requestId: request.id }, 'request failed unexpectedly');
  if (reply.sent || reply.raw.headersSent) {
    reply.raw.destroy();
    return;
  }
  const { status } = problem.document;
  if (problem.retryAfter !== undefined)
    void reply.header('retry-after', String(Math.ceil(problem.retryAfter)));
  if (status === 401) void reply.header('www-authenticate', 'Bearer realm="opni"');
  const text = wantsText(request);
  void reply
    .removeHeader('etag')
    .removeHeader('location')
    .code(status)
    .header('x-request-id', request.id)
    .header('cache-control', 'no-store')
    .header('content-type', text ? 'application/json; charset=utf-8' : PROBLEM_TYPE)
    .serializer((document: unknown) => JSON.stringify(document))
    .send(text ? textOf(problem.document) : problem.document);
}

/** Every error of every request ends here: handlers, pipes, hooks, body parsers and the router itself. */
@Catch()
export class ProblemDetailsFilter implements ExceptionFilter {
  constructor(private readonly logger: PinoLogger) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    sendProblem(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>(), this.logger);
  }
}
