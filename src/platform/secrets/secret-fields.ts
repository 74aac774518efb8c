import { DomainError, invalid, messageOf, type FieldError } from '../errors.js';
import { looksSealed } from './key-file-sealer.js';
import type { Sealer } from './sealer.js';
import { mapLocations, parsePatterns } from './secret-patterns.js';

/** What a secret reads as, and what keeps the stored one when it is sent back. */
export const REDACTED = '***';

/** Nothing to hide and nothing to keep. */
export function isEmptySecret(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

/**
 * The document as a client may read it: `***` for every secret, sealed or clear, of whatever type. `null` and empty texts stay.
 * @param patterns locations such as `/http_config/basic_auth/password` or `/http_headers/*\/secrets/*`
 */
export function redactSecrets<T>(document: T, patterns: readonly string[]): T {
  return mapLocations(document, parsePatterns(patterns), '', (value) =>
    isEmptySecret(value) ? value : REDACTED,
  ) as T;
}

export interface SealOptions {
  patterns: readonly string[];
  sealer: Sealer;
  /** The object that the secrets belong to, e.g. `endpoint/01H…`. */
  context: string;
  /** Put before the pointers of errors, e.g. `/webhook`. Default none. */
  prefix?: string;
}

/**
 * The document as it is stored. `***` stays (see `keepSecrets`), and so does what is already sealed for this context;
 * that cannot be forged, because sealed texts are authenticated.
 * @throws DomainError `invalid` for a secret that is not a text, or that has the form of a sealed one and does not open
 */
export function sealSecrets<T>(document: T, options: SealOptions): T {
  const { patterns, sealer, context, prefix = '' } = options;
  const errors: FieldError[] = [];
  const sealed = mapLocations(document, parsePatterns(patterns), prefix, (value, pointer) => {
    if (isEmptySecret(value) || value === REDACTED) return value;
    if (typeof value !== 'string') {
      errors.push({ pointer, code: 'invalid-secret', detail: 'A secret is a text.' });
      return value;
    }
    if (!looksSealed(value)) return sealer.seal(value, context);
    try {
      sealer.open(value, context);
    } catch (error) {
      const detail = `This has the form of a sealed secret, but does not open; send the secret itself. ${messageOf(error)}`;
      errors.push({ pointer, code: 'invalid-secret', detail });
    }
    return value;
  });
  if (errors.length > 0) throw invalid('A secret cannot be stored as it was sent.', errors);
  return sealed as T;
}

/**
 * The document with its secrets in clear, for rendering and calls; never for an answer or a log.
 * @throws DomainError `secret-unreadable` with the pointers of the secrets that do not open
 */
export function openSecrets<T>(document: T, options: SealOptions): T {
  const { patterns, sealer, context, prefix = '' } = options;
  const errors: FieldError[] = [];
  const opened = mapLocations(document, parsePatterns(patterns), prefix, (value, pointer) => {
    if (isEmptySecret(value)) return value;
    try {
      return sealer.open(typeof value === 'string' ? value : '', context);
    } catch (error) {
      errors.push({ pointer, code: 'secret-unreadable', detail: messageOf(error) });
      return value;
    }
  });
  const [first] = errors;
  if (first !== undefined) {
    throw new DomainError({
      category: 'internal',
      code: 'secret-unreadable',
      detail: `The secret at ${first.pointer} cannot be read. ${first.detail}`,
      errors,
    });
  }
  return opened as T;
}

/** Whether it needs stored secrets: `***` stands for one of its own. */
export function holdsRedacted(document: unknown, patterns: readonly string[]): boolean {
  let found = false;
  mapLocations(document, parsePatterns(patterns), '', (value) => {
    found ||= value === REDACTED;
    return value;
  });
  return found;
}

/**
 * For calls that have no stored object to keep secrets of, e.g. inline tests.
 * @throws DomainError `secret-required` with a pointer for each `***`
 */
export function refuseRedacted(document: unknown, patterns: readonly string[], prefix = ''): void {
  const errors: FieldError[] = [];
  mapLocations(document, parsePatterns(patterns), prefix, (value, pointer) => {
    if (value === REDACTED) {
      const detail = 'Send the secret itself: there is no stored object whose secret could be used.';
      errors.push({ pointer, code: 'secret-required', detail });
    }
    return value;
  });
  refuse(errors);
}

/** Throws 422 when there is an error; its code is theirs when they agree. */
export function refuse(errors: FieldError[]): void {
  const [first] = errors;
  if (first === undefined) return;
  const code = errors.every((error) => error.code === first.code) ? first.code : 'invalid';
  const detail = `A secret has to be sent: ${first.pointer}. ${first.detail}`;
  throw new DomainError({ category: 'invalid', code, detail, errors });
}
