import { STATUS_CODES, type ServerResponse } from 'node:http';
import { RequestError } from './request-error.js';

/** Answers with one JSON document; does nothing when the peer went away. */
export function answerJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  if (response.headersSent || response.destroyed) return;
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': status >= 400 ? 'application/problem+json' : 'application/json',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    ...headers,
  });
  response.end(text);
}

/** Answers with problem details (RFC 9457); an unknown error becomes a 500 without its text. */
export function answerError(response: ServerResponse, error: unknown): void {
  const known = error instanceof RequestError ? error : null;
  const status = known?.status ?? 500;
  const headers: Record<string, string> = {};
  if (known?.retryAfter !== undefined) headers['retry-after'] = String(known.retryAfter);
  answerJson(
    response,
    status,
    {
      type: 'about:blank',
      title: STATUS_CODES[status] ?? 'Error',
      status,
      code: known?.code ?? 'internal',
      detail: known?.message ?? 'The companion failed; its log says why.',
    },
    headers,
  );
}
