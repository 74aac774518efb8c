import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { pathOf } from '../problem-details.filter.js';
import { requestState } from '../request-state.js';
import type { IdempotentOptions, RouteOptions } from '../route-options.js';
import { runIn, type Execution } from './execution.js';
import type { IdempotencyKeys } from './idempotency-keys.js';
import { checkKey, fingerprintOf, type KeyedRequest, type RecordedAnswer } from './idempotency-record.js';

/** Of an answer: what a repetition says as well. */
const RECORDED_HEADERS = ['content-type', 'location', 'etag'];

/** Puts routes marked `@Idempotent()` behind their keys; other routes pay nothing. Must be called before routes are added. */
export function addIdempotency(instance: FastifyInstance, keys: IdempotencyKeys | undefined): void {
  instance.addHook('onRoute', (route) => {
    const options = (route.config ?? {}) as RouteOptions;
    const { idempotent } = options;
    if (!idempotent) return;
    if (!keys) throw new Error(`${route.url} is marked @Idempotent(), which needs IdempotencyModule.`);
    route.preHandler = [
      ...[route.preHandler ?? []].flat(),
      (request, reply, proceed) => {
        const header = request.headers['idempotency-key'];
        if (header === undefined) return proceed();
        try {
          const keyed = keyedRequest(request, checkKey(header), idempotent, options.etag === true);
          keys.begin(keyed).then((result) => enter(result, request, reply, proceed), proceed);
        } catch (error) {
          proceed(error as Error);
        }
      },
    ];
    route.onSend = [
      ...[route.onSend ?? []].flat(),
      (request, reply, payload, proceed) => {
        const state = requestState(request);
        const { execution } = state;
        if (!execution) return proceed(null, payload);
        delete state.execution;
        keys.finish(execution, answerOf(reply, payload)).then(() => proceed(null, payload), proceed);
      },
    ];
  });
}

/** Runs the handler as an execution, or answers what the first one answered. */
function enter(
  result: Execution | RecordedAnswer,
  request: FastifyRequest,
  reply: FastifyReply,
  proceed: () => void,
): void {
  if ('body' in result) {
    void reply
      .code(result.status)
      .headers({ ...result.headers, 'idempotency-replayed': 'true' })
      .serializer((text: unknown) => text as string)
      .send(result.body);
    return;
  }
  requestState(request).execution = result;
  runIn(result, proceed);
}

function keyedRequest(
  request: FastifyRequest,
  key: string,
  { status, secretMembers }: IdempotentOptions,
  etag: boolean,
): KeyedRequest {
  return {
    subject: requestState(request).principal?.subject ?? '',
    method: request.method,
    path: pathOf(request.raw.url ?? '/'),
    key,
    fingerprint: fingerprintOf(request.query, request.body),
    status,
    etag,
    secretMembers,
  };
}

function answerOf(reply: FastifyReply, payload: unknown): RecordedAnswer {
  const headers = RECORDED_HEADERS.flatMap((name) => {
    const value = reply.getHeader(name);
    return value === undefined ? [] : [[name, String(value)] as const];
  });
  return {
    status: reply.statusCode,
    headers: Object.fromEntries(headers),
    body: typeof payload === 'string' ? payload : Buffer.isBuffer(payload) ? payload.toString() : '',
  };
}
