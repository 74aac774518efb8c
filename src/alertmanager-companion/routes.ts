import type { Logger } from 'pino';
import type { EmbeddedServer } from './embedded-server/embedded-server.js';
import type { EndpointTester } from './endpoint-tests/endpoint-tester.js';
import { readTestRequest } from './endpoint-tests/test-request.js';
import { answerJson } from './http/answer.js';
import { JsonError, parseJson } from './http/parse-json.js';
import { MIB, readBody } from './http/read-body.js';
import { RequestError } from './http/request-error.js';
import type { Call, Route } from './http/router.js';
import { isPassedOn, type PassThrough } from './pass-through/pass-through.js';
import type { MemberStatus } from './companion-api.js';
import { ConfigRefused, type Syncer } from './syncer/syncer.js';

const CONFIG_LIMIT = 32 * MIB;
/** Alertmanager says each label up to four times, and escapes a letter such as "<" as six: 7 MiB for our largest notification. */
const WEBHOOK_LIMIT = 16 * MIB;
/** An endpoint comes in a body of at most 2 MiB; JSON may write it longer than it came. */
const TEST_LIMIT = 8 * MIB;
const PAGE_LIMIT = 1_000;

export interface Parts {
  syncer: Syncer;
  status: () => Promise<MemberStatus>;
  embeddedServer: EmbeddedServer;
  tester: EndpointTester;
  passThrough: PassThrough;
  log: Logger;
}

/** Everything the mTLS port answers; `companion-api.ts` describes it. */
export function routes(parts: Parts): Route[] {
  const { syncer, embeddedServer, tester, passThrough } = parts;
  return [
    {
      method: 'PUT',
      pattern: /^\/v1\/config\/([0-9a-f]{64})$/,
      handle: async ({ request, response, params: [sha256 = ''] }) => {
        const body = await readBody(request, CONFIG_LIMIT);
        try {
          answerJson(response, 200, await syncer.apply(sha256, body));
        } catch (error) {
          if (!(error instanceof ConfigRefused)) throw error;
          answerJson(response, 422, error.refusal, { 'content-type': 'application/json' });
        }
      },
    },
    {
      method: 'POST',
      pattern: /^\/v1\/config-checks$/,
      handle: async ({ request, response }) =>
        answerJson(response, 200, await syncer.check(await readBody(request, CONFIG_LIMIT))),
    },
    {
      method: 'GET',
      pattern: /^\/v1\/status$/,
      handle: async ({ response }) => answerJson(response, 200, await parts.status()),
    },
    {
      method: 'POST',
      pattern: /^\/v1\/webhook$/,
      handle: async ({ request, response }) => {
        await embeddedServer.receive(readJson(await readBody(request, WEBHOOK_LIMIT)));
        answerJson(response, 200, {});
      },
    },
    {
      method: 'GET',
      pattern: /^\/v1\/messages$/,
      handle: async ({ response, query }) => {
        const after = wholeNumber(query, 'after', 0, 0, Number.MAX_SAFE_INTEGER);
        const limit = wholeNumber(query, 'limit', 100, 1, PAGE_LIMIT);
        answerJson(response, 200, embeddedServer.page(after, limit));
      },
    },
    {
      method: 'POST',
      pattern: /^\/v1\/endpoint-tests$/,
      handle: async ({ request, response }) => {
        const test = readTestRequest(readJson(await readBody(request, TEST_LIMIT)));
        const gone = new AbortController();
        response.once('close', () => gone.abort(new Error('Nobody waits for the result.')));
        answerJson(response, 200, await tester.run(test, gone.signal));
      },
    },
    ...passedOn(passThrough, /^\/metrics$/, ['GET', 'HEAD']),
    ...passedOn(passThrough, /^\/api\/v2\//, ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS']),
  ];
}

function passedOn(passThrough: PassThrough, pattern: RegExp, methods: string[]): Route[] {
  const handle = async ({ request, response }: Call): Promise<void> => {
    const path = request.url?.split('?')[0] ?? '';
    if (!isPassedOn(path)) throw new RequestError(404, 'not-found', 'The companion has no such route.');
    await passThrough.handle(request, response);
  };
  return methods.map((method) => ({ method, pattern, handle }));
}

function readJson(bytes: Buffer): unknown {
  try {
    return parseJson(bytes);
  } catch (error) {
    if (error instanceof JsonError) throw new RequestError(400, 'malformed', error.message);
    throw error;
  }
}

function wholeNumber(
  query: URLSearchParams,
  name: string,
  fallback: number,
  from: number,
  to: number,
): number {
  const text = query.get(name);
  if (text === null) return fallback;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= from && value <= to)) {
    throw new RequestError(400, 'malformed', `"${name}" must be a whole number from ${from} to ${to}.`);
  }
  return value;
}
