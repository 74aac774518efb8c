import { STATUS_CODES } from 'node:http';
import { HttpException } from '@nestjs/common';
import { DomainError, type ErrorCategory, type FieldError } from '../errors.js';

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

const STATUS: Record<ErrorCategory, number> = {
  malformed: 400,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  'precondition-failed': 412,
  'too-large': 413,
  'unsupported-media-type': 415,
  invalid: 422,
  'too-many-requests': 429,
  internal: 500,
  'bad-gateway': 502,
  unavailable: 503,
  timeout: 504,
  'insufficient-storage': 507,
};

/** RFC 9457. Extra members stand beside these. */
export interface ProblemDocument {
  type: string;
  title: string;
  status: number;
  detail: string;
  instance: string;
  code: string;
  errors?: FieldError[];
  traceId: string;
  [extension: string]: unknown;
}

export interface Problem {
  document: ProblemDocument;
  /** Seconds. */
  retryAfter?: number;
  /** Nobody threw it on purpose: it is logged with its stack, and the caller learns nothing about the inside. */
  unexpected: boolean;
}

/** What the frameworks throw before a handler runs, by their code or status. */
const FRAMEWORK_ERRORS: Record<string, [status: number, code: string, detail: string]> = {
  FST_ERR_CTP_BODY_TOO_LARGE: [
    413,
    'body-too-large',
    'The body is larger than this path accepts. Send less at once.',
  ],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [415, 'unsupported-media-type', 'This path does not take such a body.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [
    400,
    'malformed-body',
    'The body is not as long as Content-Length says.',
  ],
  FST_ERR_BAD_URL: [400, 'malformed-url', 'The path is not valid percent-encoded UTF-8.'],
  FST_ERR_MAX_PARAM_LENGTH: [414, 'url-too-long', 'A part of the path is too long.'],
  FST_ERR_ROUTE_MISSING: [404, 'not-found', 'There is no such path. GET /openapi.json lists them.'],
};

function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}

function build(
  context: { instance: string; traceId: string },
  fields: {
    status: number;
    code: string;
    detail: string;
    errors?: FieldError[];
    extensions?: Record<string, unknown>;
  },
): ProblemDocument {
  const { status, code, detail, errors, extensions } = fields;
  return {
    ...extensions,
    type: `urn:opni:problem:${code}`,
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail,
    instance: context.instance,
    code,
    ...(errors && errors.length > 0 && { errors }),
    traceId: context.traceId,
  };
}

/** The only place where an error becomes a status and a document. */
export function problemOf(error: unknown, context: { instance: string; traceId: string }): Problem {
  if (error instanceof DomainError) {
    const { category, code, message: detail, errors, extensions, retryAfter } = error;
    return {
      document: build(context, { status: STATUS[category], code, detail, errors, extensions }),
      ...(retryAfter !== undefined && { retryAfter }),
      unexpected: category === 'internal',
    };
  }
  const cause = error instanceof HttpException ? error.cause : undefined;
  const known = FRAMEWORK_ERRORS[codeOf(cause) ?? codeOf(error) ?? ''];
  if (known) {
    const [status, code, detail] = known;
    return { document: build(context, { status, code, detail }), unexpected: false };
  }
  if (error instanceof HttpException && error.getStatus() < 500) {
    const status = error.getStatus();
    const code = (STATUS_CODES[status] ?? 'error').toLowerCase().replaceAll(/[^a-z]+/g, '-');
    return { document: build(context, { status, code, detail: error.message }), unexpected: false };
  }
  const detail = `Something went wrong inside the service. Report it with the traceId "${context.traceId}", which stands in the log.`;
  return { document: build(context, { status: 500, code: 'internal', detail }), unexpected: true };
}

/** A problem in one text, for clients that read nothing else. */
export function textOf({ detail, errors = [] }: ProblemDocument): string {
  const fields = errors.map((error) => `${error.pointer ?? error.parameter ?? ''} ${error.detail}`.trim());
  return [detail, ...fields].join(' ');
}
