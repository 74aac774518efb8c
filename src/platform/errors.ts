/**
 * What went wrong, in the words of the domain. HTTP maps a category to a status in one place
 * (`platform/http/problem-details.filter.ts`); services never name a status.
 */
export type ErrorCategory =
  | 'malformed' // 400
  | 'unauthenticated' // 401
  | 'forbidden' // 403
  | 'not-found' // 404
  | 'conflict' // 409
  | 'precondition-failed' // 412
  | 'too-large' // 413
  | 'unsupported-media-type' // 415
  | 'invalid' // 422
  | 'too-many-requests' // 429
  | 'internal' // 500
  | 'bad-gateway' // 502
  | 'unavailable' // 503
  | 'timeout' // 504
  | 'insufficient-storage'; // 507

/** One wrong field: `pointer` (RFC 6901) into the body or `parameter` of the query, never both. */
export interface FieldError {
  pointer?: string;
  parameter?: string;
  code: string;
  detail: string;
}

export interface DomainErrorOptions {
  category: ErrorCategory;
  /** Stable, kebab-case; clients branch on it. */
  code: string;
  /** What happened and what to do about it. Never contains a secret. */
  detail: string;
  errors?: FieldError[];
  /** Extra members of the problem document, e.g. `dependents` or `operation`. */
  extensions?: Record<string, unknown>;
  /** Seconds, for `Retry-After`. */
  retryAfter?: number;
  cause?: unknown;
}

/** The one error type that services throw on purpose; everything else that reaches HTTP is a bug and answers 500. */
export class DomainError extends Error {
  readonly category: ErrorCategory;
  readonly code: string;
  readonly errors: FieldError[];
  readonly extensions: Record<string, unknown>;
  readonly retryAfter: number | undefined;

  constructor(options: DomainErrorOptions) {
    super(options.detail, { cause: options.cause });
    this.name = 'DomainError';
    this.category = options.category;
    this.code = options.code;
    this.errors = options.errors ?? [];
    this.extensions = options.extensions ?? {};
    this.retryAfter = options.retryAfter;
  }
}

/** `404` for an object that does not exist. */
export function notFound(kind: string, id: string): DomainError {
  return new DomainError({
    category: 'not-found',
    code: 'not-found',
    detail: `There is no ${kind} "${id}". List the existing ones to find its id.`,
  });
}

/** `422` with one entry per wrong field. */
export function invalid(detail: string, errors: FieldError[]): DomainError {
  return new DomainError({ category: 'invalid', code: 'invalid', detail, errors });
}

/** The text of anything that was thrown, for logs and conditions. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
