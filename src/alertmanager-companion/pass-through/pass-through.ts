import http, { type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { RequestError } from '../http/request-error.js';
import { MIB } from '../http/read-body.js';

const LIMIT = 32 * MIB;
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
  'host',
]);

/** Whether a raw path is one that is passed on: Alertmanager's API and metrics, and no way around to anything else. */
export function isPassedOn(path: string): boolean {
  if (path === '/metrics') return true;
  if (!path.startsWith('/api/v2/') || path.includes('\\') || path.includes('//')) return false;
  let decoded: string;
  try {
    decoded = decodeURIComponent(path);
  } catch {
    return false;
  }
  return !/[\\\0]/.test(decoded) && !decoded.split('/').some((part) => part === '.' || part === '..');
}

/** Streams requests to Alertmanager and its answers back, as they are. */
export class PassThrough {
  /** @param deadline milliseconds for a whole exchange */
  constructor(
    private readonly alertmanagerUrl: string,
    private readonly deadline = 30_000,
  ) {}

  /** @throws RequestError 413, 502, 503 or 504 when there is no answer to pass on */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (Number(request.headers['content-length'] ?? 0) > LIMIT) throw tooLarge();
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(timedOut(this.deadline)), this.deadline);
    response.once('close', () => abort.abort(new Error('the client went away')));
    try {
      await this.#exchange(request, response, abort);
    } finally {
      clearTimeout(timer);
    }
  }

  #exchange(request: IncomingMessage, response: ServerResponse, abort: AbortController): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (error: unknown) => reject(reasonFor(abort.signal, error));
      const upstream = http.request(this.alertmanagerUrl + (request.url ?? '/'), {
        method: request.method ?? 'GET',
        headers: endToEnd(request.headers),
        agent: false,
        signal: abort.signal,
      });
      upstream.once('error', fail);
      upstream.once('response', (answer) => {
        response.writeHead(answer.statusCode ?? 502, endToEnd(answer.headers));
        countTo(answer, LIMIT, () =>
          abort.abort(new RequestError(502, 'bad-gateway', 'The answer is too large.')),
        );
        answer.once('error', fail);
        answer.once('end', resolve);
        answer.pipe(response);
      });
      countTo(request, LIMIT, () => abort.abort(tooLarge()));
      request.once('error', fail);
      request.pipe(upstream);
    });
  }
}

function endToEnd(headers: IncomingHttpHeaders): http.OutgoingHttpHeaders {
  const named = new Set((headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase()));
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name) && !named.has(name)),
  );
}

function countTo(stream: IncomingMessage, limit: number, onPassed: () => void): void {
  let size = 0;
  stream.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > limit) onPassed();
  });
}

function reasonFor(signal: AbortSignal, error: unknown): Error {
  if (signal.aborted) return signal.reason as Error;
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
  return new RequestError(
    503,
    'alertmanager-unavailable',
    `This member's Alertmanager does not answer (${code}); it may be starting.`,
    1,
  );
}

function tooLarge(): RequestError {
  return new RequestError(413, 'too-large', `The body is larger than ${LIMIT} bytes.`);
}

function timedOut(deadline: number): RequestError {
  return new RequestError(504, 'timeout', `Alertmanager did not answer within ${deadline} ms.`);
}
