import type { FastifyRequest } from 'fastify';
import { DomainError } from '../errors.js';
import { DEFAULT_BODY_LIMIT, JSON_TYPE, MERGE_PATCH_TYPE, type RouteOptions } from './route-options.js';

const BODY_METHODS = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

/** The media types that a route's body may have. */
export function bodyTypesOf(method: string, options: RouteOptions): string[] {
  return options.bodyTypes ?? [method === 'PATCH' ? MERGE_PATCH_TYPE : JSON_TYPE];
}

/** `Application/JSON; charset=utf-8` → `application/json`. */
export function mediaTypeOf(header: string): string {
  return (header.split(';', 1)[0] ?? '').trim().toLowerCase();
}

/**
 * Refuses a body before it is read: of a type the route does not take, encoded, or announced too large.
 * @throws DomainError `unsupported-media-type`, `body-too-large`
 */
export function checkBodyHeaders(request: FastifyRequest): void {
  const { method, headers } = request;
  if (!BODY_METHODS.has(method) || request.is404) return;
  const options = (request.routeOptions.config ?? {}) as RouteOptions;
  const length = headers['content-length'];
  const hasBody = headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
  const contentType = headers['content-type'];
  const allowed = bodyTypesOf(method, options);
  if (
    contentType === undefined
      ? hasBody
      : !allowed.includes(mediaTypeOf(contentType)) && !allowed.includes('*/*')
  ) {
    throw unsupported(`This path takes ${allowed.join(' or ')}. Set Content-Type accordingly.`);
  }
  const charset = contentType === undefined ? undefined : /;\s*charset="?([^\s;"]+)/i.exec(contentType)?.[1];
  if (charset !== undefined && charset.toLowerCase() !== 'utf-8') throw unsupported('Bodies must be UTF-8.');
  const encoding = headers['content-encoding'];
  if (hasBody && encoding !== undefined && encoding !== 'identity' && !allowed.includes('*/*')) {
    throw unsupported('Compressed bodies are not taken. Send the body as it is.');
  }
  const limit = options.bodyLimit ?? DEFAULT_BODY_LIMIT;
  if (length !== undefined && Number(length) > limit) throw tooLarge(limit);
}

export function tooLarge(limit: number): DomainError {
  return new DomainError({
    category: 'too-large',
    code: 'body-too-large',
    detail: `The body is larger than the ${limit} bytes that this path accepts. Send less at once.`,
  });
}

function unsupported(detail: string): DomainError {
  return new DomainError({ category: 'unsupported-media-type', code: 'unsupported-media-type', detail });
}
