import { METHODS } from 'node:http';
import { HttpException } from '@nestjs/common';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger as PinoLogger } from 'pino';
import type { Gate } from '../auth/gate.js';
import { DomainError, invalid } from '../errors.js';
import type { Metrics } from '../telemetry/http-metrics.js';
import { checkBodyHeaders } from './media-type.js';
import { refuseNulls } from './nulls.js';
import { entityTag } from './preconditions.js';
import { pathOf } from './problem-details.filter.js';
import type { ReadinessRegistry } from './readiness.js';
import { requestState } from './request-state.js';
import { MERGE_PATCH_TYPE, type RouteOptions } from './route-options.js';
import type { RouteTable } from './route-table.js';
import { parseStrictJson } from './strict-json.js';

export interface HookParts {
  gate: Gate;
  metrics: Metrics;
  logger: PinoLogger;
  readiness: ReadinessRegistry;
  routes: RouteTable;
  inFlight: InFlight;
}

/** How many requests are being answered; `idle()` resolves when none is. */
export class InFlight {
  private count = 0;
  private waiting: (() => void)[] = [];

  enter(): void {
    this.count += 1;
  }

  leave(): void {
    this.count -= 1;
    if (this.count > 0) return;
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  idle(): Promise<void> {
    return this.count === 0 ? Promise.resolve() : new Promise((resolve) => this.waiting.push(resolve));
  }
}

/** Everything that happens to every request, in this order; hooks rather than interceptors because they cost nothing. */
export function addHooks(instance: FastifyInstance, parts: HookParts): void {
  const { gate, readiness, routes } = parts;
  routes.watch(instance);
  instance.decorateRequest('opni', null);
  addEntityTags(instance);
  addBodyParsers(instance);
  addAccounting(instance, parts);

  const receive = (request: FastifyRequest, reply: FastifyReply): Promise<void> | undefined => {
    void reply
      .header('x-request-id', request.id)
      .header('cache-control', 'no-store')
      .header('x-content-type-options', 'nosniff');
    if (readiness.draining.aborted && !isPublic(request)) {
      void reply.header('connection', 'close');
      throw new DomainError({
        category: 'unavailable',
        code: 'stopping',
        detail: 'The service is stopping. Try again when it is back.',
        retryAfter: 5,
      });
    }
    const admitted = gate.admit(request);
    if (admitted) return admitted.then(() => enter(request, reply, routes));
    enter(request, reply, routes);
    return undefined;
  };
  instance.addHook('onRequest', (request, reply, done) => settle(() => receive(request, reply), done));

  instance.addHook('preValidation', (request, _reply, done) => settle(() => checkBody(request), done));
}

/** Runs a step and reports how it ended, without a promise where none is needed. */
function settle(step: () => Promise<void> | void | undefined, finish: (error?: Error) => void): void {
  let pending: Promise<void> | void | undefined;
  try {
    pending = step();
  } catch (error) {
    finish(error as Error);
    return;
  }
  if (pending) pending.then(() => finish(), finish);
  else finish();
}

/** Probes, scrapes and reads that went well: dashboards poll, and their lines would bury those of changes and failures. */
function isQuiet(request: FastifyRequest, status: number): boolean {
  return isPublic(request) || ((request.method === 'GET' || request.method === 'HEAD') && status < 400);
}

/** After the gate: does the path exist for this method, and may it get such a query and body? */
function enter(request: FastifyRequest, reply: FastifyReply, routes: RouteTable): void {
  if (request.is404 || hasEmptyParameter(request)) throw unknownPath(request, reply, routes);
  const options = request.routeOptions.config as RouteOptions | undefined;
  if (!options?.query && !options?.public) refuseQuery(request);
  checkBodyHeaders(request);
}

function isPublic(request: FastifyRequest): boolean {
  return !request.is404 && (request.routeOptions.config as RouteOptions | undefined)?.public === true;
}

/** The router takes `/things/` for `/things/:id`. */
function hasEmptyParameter(request: FastifyRequest): boolean {
  return Object.entries(request.params as object).some(([name, value]) => name !== '*' && value === '');
}

function unknownPath(request: FastifyRequest, reply: FastifyReply, routes: RouteTable): DomainError | Error {
  const path = pathOf(request.raw.url ?? '/');
  const methods = routes.methodsOf(path).filter((method) => METHODS.includes(method));
  if (methods.length === 0) {
    return new DomainError({
      category: 'not-found',
      code: 'not-found',
      detail: `There is no path ${path}. ${adviceFor(path, routes)}`,
    });
  }
  void reply.header('allow', methods.join(', '));
  return new HttpException(
    `${path} does not answer ${request.method}. It answers ${methods.join(', ')}.`,
    405,
  );
}

function adviceFor(path: string, routes: RouteTable): string {
  if (path === '/') return 'GET /docs shows what there is, GET /openapi.json describes it.';
  const bare = path.replace(/\/+$/, '');
  if (bare !== path && routes.methodsOf(bare).length > 0)
    return `There is ${bare}, without a slash at its end.`;
  return 'GET /openapi.json lists all of them.';
}

function refuseQuery(request: FastifyRequest): void {
  const names = Object.keys(request.query as object);
  if (names.length === 0) return;
  throw new DomainError({
    category: 'malformed',
    code: 'invalid-parameter',
    detail: 'This path takes no query parameters. Remove them.',
    errors: names
      .slice(0, 100)
      .map((parameter) => ({ parameter, code: 'unknown-parameter', detail: 'is not a known parameter' })),
  });
}

/** JSON only; a route with other media types (`@RequestBody({types})`) gets the bytes, in memory. */
function addBodyParsers(instance: FastifyInstance): void {
  instance.removeAllContentTypeParsers();
  instance.addContentTypeParser(
    /^application\/(?:merge-patch\+)?json\s*(?:;|$)/i,
    { parseAs: 'buffer' },
    (request, body, done) => {
      const options = request.routeOptions.config as RouteOptions | undefined;
      if (options?.rawBody) return done(null, body);
      try {
        done(null, parseStrictJson(body as Buffer));
      } catch (error) {
        done(error as Error, undefined);
      }
    },
  );
  instance.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
}

function checkBody(request: FastifyRequest): void {
  const { body } = request;
  if (body === undefined || body === null) {
    if (body === null) refuseNulls(body);
    return;
  }
  const options = (request.routeOptions.config ?? {}) as RouteOptions;
  if (Buffer.isBuffer(body)) return;
  if (options.readBack) takeReadBack(request, body, options.readBack);
  const isPatch = (request.headers['content-type'] ?? '').toLowerCase().startsWith(MERGE_PATCH_TYPE);
  if (!isPatch && !options.allowNull) refuseNulls(body);
}

/** `id` and `revision` of a body that GET returned become conditions; what only the service writes is dropped. */
function takeReadBack(request: FastifyRequest, body: unknown, ignored: string[]): void {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return;
  const document = body as Record<string, unknown>;
  const { id: pathId } = request.params as { id?: string };
  for (const name of ignored) delete document[name];
  if (pathId !== undefined && Object.hasOwn(document, 'id')) {
    if (document['id'] !== pathId) {
      const detail = `must be "${pathId}", as in the path`;
      throw invalid('The id in the body is not the one in the path.', [
        { pointer: '/id', code: 'id-mismatch', detail },
      ]);
    }
    delete document['id'];
  }
  if (Object.hasOwn(document, 'revision')) {
    const { revision } = document;
    if (!Number.isSafeInteger(revision) || (revision as number) < 0) {
      const detail = 'must be the revision that GET returned, or be left out';
      throw invalid('The revision in the body is not one.', [{ pointer: '/revision', code: 'type', detail }]);
    }
    requestState(request).bodyRevision = revision as number;
    delete document['revision'];
  }
}

/** `ETag` of routes marked `@WithETag()`. */
function addEntityTags(instance: FastifyInstance): void {
  instance.addHook('onRoute', (route) => {
    const options: RouteOptions | undefined = route.config;
    if (options?.etag !== true) return;
    route.preSerialization = [
      ...[route.preSerialization ?? []].flat(),
      (_request, reply, payload, done) => {
        const revision = (payload as { revision?: unknown } | null)?.revision;
        if (typeof revision === 'number' && reply.statusCode < 300)
          void reply.header('etag', entityTag(revision));
        done(null, payload);
      },
    ];
  });
}

/** One access line and one observation per request, without bodies, headers or query. */
function addAccounting(instance: FastifyInstance, { metrics, logger, inFlight }: HookParts): void {
  instance.addHook('onRequest', (_request, reply, done) => {
    inFlight.enter();
    reply.raw.once('close', () => inFlight.leave());
    done();
  });
  // These lines hold nothing to redact, and redaction is what costs most of a line.
  const access = logger.child({}, { redact: [] });
  instance.addHook('onResponse', (request, reply, done) => {
    const route = request.is404 ? 'unknown' : (request.routeOptions.url ?? 'unknown');
    const milliseconds = reply.elapsedTime;
    metrics.observeRequest(request.method, route, reply.statusCode, milliseconds / 1000);
    const level = isQuiet(request, reply.statusCode) ? 'debug' : 'info';
    if (logger.isLevelEnabled(level)) {
      access[level](
        {
          requestId: request.id,
          method: request.method,
          path: pathOf(request.raw.url ?? '/'),
          status: reply.statusCode,
          durationMs: Math.round(milliseconds * 10) / 10,
          subject: requestState(request).principal?.subject,
        },
        'request',
      );
    }
    done();
  });
}
