import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { addDocsAssets } from './openapi/docs-assets.js';
import { buildOpenApiDocument } from './openapi/openapi.document.js';
import { OpenApiModule } from './openapi/openapi.module.js';
import { OpenApiSource } from './openapi/openapi.source.js';
import { AdminTokenVerifier, adminToken } from '../auth/admin-token.js';
import { Gate } from '../auth/gate.js';
import { NoTokens, type TokenVerifier } from '../auth/token-verifier.js';
import type { Settings } from '../configuration/settings.js';
import { DomainError } from '../errors.js';
import { Metrics } from '../telemetry/http-metrics.js';
import type { ServiceLogger } from '../telemetry/logger.js';
import { DtoPipe } from './dto.pipe.js';
import { addHooks, InFlight } from './hooks.js';
import { addIdempotency } from './idempotency/idempotency-hooks.js';
import { IdempotencyKeys } from './idempotency/idempotency-keys.js';
import { PlatformHttpModule } from './platform-http.module.js';
import { ProblemDetailsFilter, sendProblem } from './problem-details.filter.js';
import { ReadinessRegistry } from './readiness.js';
import { requestIdOf } from './request-id.js';
import { DEFAULT_BODY_LIMIT } from './route-options.js';
import { RouteTable } from './route-table.js';

const inFlightOf = new WeakMap<NestFastifyApplication, InFlight>();

/**
 * Assembles the HTTP service around a role's module: hooks, gate, problem details, OpenAPI. Used by the program, the tests
 * and the writer of the OpenAPI document, so that all three see the same. Does not listen; call `listen(app, settings)`,
 * or `app.init()` when no socket is needed.
 */
export async function createApp(
  module: Type,
  settings: Settings,
  logger: ServiceLogger,
): Promise<NestFastifyApplication> {
  const tokens = await tokensFor(settings, logger);
  class RootModule {}
  Module({ imports: [PlatformHttpModule.register({ settings, tokens }), OpenApiModule, module] })(RootModule);

  const app = await NestFactory.create<NestFastifyApplication>(RootModule, adapterFor(settings, logger), {
    bodyParser: false,
    logger,
    abortOnError: false,
  });
  const instance: FastifyInstance = app.getHttpAdapter().getInstance();
  const routes = new RouteTable();
  const inFlight = new InFlight();
  inFlightOf.set(app, inFlight);
  addHooks(instance, {
    gate: new Gate(settings, tokens),
    metrics: app.get(Metrics),
    logger: logger.pino,
    readiness: app.get(ReadinessRegistry),
    routes,
    inFlight,
  });
  addIdempotency(instance, optional(app, IdempotencyKeys));
  if (settings.cors.origins.length > 0) {
    app.enableCors({
      origin: settings.cors.origins,
      methods: ['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE'],
      exposedHeaders: ['ETag', 'Idempotency-Replayed', 'Location', 'Retry-After', 'X-Request-Id'],
      maxAge: 600,
    });
  }
  app.useGlobalPipes(new DtoPipe());
  app.useGlobalFilters(new ProblemDetailsFilter(logger.pino));
  await addDocsAssets(instance);
  app.get(OpenApiSource).use(() => buildOpenApiDocument(app, routes));
  return app;
}

/** What a role may leave out. */
function optional<T>(app: NestFastifyApplication, type: Type<T>): T | undefined {
  try {
    return app.get(type, { strict: false });
  } catch (error) {
    if (error instanceof Error && error.constructor.name === 'UnknownElementException') return undefined;
    throw error;
  }
}

async function tokensFor(settings: Settings, logger: ServiceLogger): Promise<TokenVerifier> {
  if (settings.auth.mode === 'none') return new NoTokens();
  const { token, path, created } = await adminToken(settings.dataDir);
  if (created) logger.log(`The administrator's token was made and lies in ${path}`, 'Gate');
  return new AdminTokenVerifier(token);
}

function adapterFor(settings: Settings, logger: ServiceLogger): FastifyAdapter {
  const { cert, key } = settings.tls;
  return new FastifyAdapter({
    ...(cert &&
      key && { https: { cert: readFileSync(cert), key: readFileSync(key), minVersion: 'TLSv1.2' as const } }),
    logger: false,
    bodyLimit: DEFAULT_BODY_LIMIT,
    genReqId: requestIdOf,
    trustProxy: settings.trustedProxies.length > 0 ? settings.trustedProxies : false,
    requestTimeout: 60_000,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    clientErrorHandler: refuseUnparsable,
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => {
      sendProblem(error, request, reply, logger.pino);
    },
    routerOptions: { maxParamLength: 500 },
  });
}

/** For bytes that are no HTTP request: there is no request to answer through the usual way. */
function refuseUnparsable(this: unknown, error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const [status, code, detail] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? ['431 Request Header Fields Too Large', 'headers-too-large', 'The headers are too large.']
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ['408 Request Timeout', 'request-timeout', 'The request did not arrive in time.']
        : ['400 Bad Request', 'malformed-request', 'This is not a valid HTTP request.'];
  const [number, ...words] = status.split(' ');
  const body = JSON.stringify({
    type: `urn:opni:problem:${code}`,
    title: words.join(' '),
    status: Number(number),
    detail,
    instance: '/',
    code,
    traceId: requestIdOf({ headers: {} }),
  });
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: application/problem+json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

/**
 * Opens the socket of `settings.listen`.
 *
 * @returns the URL, with the port that the system chose for port 0
 * @throws DomainError `cannot-listen`; the caller still closes `app`
 */
export async function listen(app: NestFastifyApplication, settings: Settings): Promise<string> {
  const { host, port } = splitAddress(settings.listen);
  try {
    await app.listen(port, host);
  } catch (error) {
    throw cannotListen(settings.listen, error);
  }
  const address = app.getHttpServer().address();
  const actual = typeof address === 'object' && address ? address.port : port;
  const shown = host.includes(':') ? `[${host}]` : host;
  return `${settings.tls.cert ? 'https' : 'http'}://${shown}:${actual}`;
}

const LISTEN_REASONS: Record<string, string> = {
  EADDRINUSE: 'another process listens there',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'this user may not listen on that port',
  ENOTFOUND: 'there is no such host',
};

function cannotListen(address: string, error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const reason = LISTEN_REASONS[code];
  if (reason === undefined) return error;
  return new DomainError({
    category: 'unavailable',
    code: 'cannot-listen',
    detail: `Cannot listen on ${address}: ${reason} (${code}). Choose another address with listen (OPNI_LISTEN).`,
    cause: error,
  });
}

/** `[::1]:8080` → `{host: '::1', port: 8080}`. */
export function splitAddress(address: string): { host: string; port: number } {
  const end = address.lastIndexOf(':');
  return { host: address.slice(0, end).replace(/^\[(.*)\]$/, '$1'), port: Number(address.slice(end + 1)) };
}

/**
 * Stops gracefully: `/readyz` answers 503, new requests are refused with `Retry-After`, running ones may finish until the
 * deadline, then everything is closed (module hooks included). Answers whether all requests finished.
 */
export async function shutdown(app: NestFastifyApplication, deadlineMs = 10_000): Promise<boolean> {
  app.get(ReadinessRegistry).startDraining();
  const idle =
    inFlightOf
      .get(app)
      ?.idle()
      .then(() => true) ?? Promise.resolve(true);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), deadlineMs);
  });
  const finished = await Promise.race([idle, late]);
  clearTimeout(timer);
  if (!finished) app.getHttpServer().closeAllConnections();
  await app.close();
  return finished;
}
