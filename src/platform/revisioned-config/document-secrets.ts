import { DomainError, type FieldError } from '../errors.js';
import { looksSealed } from '../secrets/key-file-sealer.js';
import { keepSecrets, type KeyedArray } from '../secrets/keep-secrets.js';
import { REDACTED, redactSecrets } from '../secrets/secret-fields.js';
import { mapLocations, parsePatterns } from '../secrets/secret-patterns.js';
import type { Sealer } from '../secrets/sealer.js';

/** Secrets of a document that go to the same destination. Patterns are those of `platform/secrets`. */
export interface SecretGroup {
  /** E.g. `/storage/s3/secretKey` or `/receivers/*\/token`. */
  patterns: readonly string[];
  /** Where the secrets are sent to; when one changes, they have to be sent again. Below a `*`: those of the same item. */
  destinations?: readonly string[];
  /** Arrays whose items are told apart by a member rather than by their position. */
  keyed?: readonly KeyedArray[];
}

/** All secrets of a document. */
export interface SecretRules {
  groups: readonly SecretGroup[];
  patterns: readonly string[];
}

export function secretRules(groups: readonly SecretGroup[]): SecretRules {
  return { groups, patterns: groups.flatMap(({ patterns }) => patterns) };
}

export interface ResolveOptions {
  /** The document as it is wanted: secrets in clear, as `***`, or sealed where they were taken over from a source. */
  next: unknown;
  /** What `***` stands for. */
  stored: unknown;
  /** Documents that sealed secrets may have been taken over from. */
  sources: readonly unknown[];
}

/**
 * The document with `***` replaced by what is stored. A secret that was taken over (by a patch that does not name it, from a
 * default that fills a gap, by a reset that keeps it) is held to the same rule as `***`: only beside an unchanged destination,
 * else somebody who never knew it could have it sent elsewhere.
 */
export function resolveSecrets(
  { next, stored, sources }: ResolveOptions,
  rules: SecretRules,
): { document: unknown; errors: FieldError[] } {
  const inherited = redirected(next, sources, rules);
  const [document, errors] = attempt(next, stored, rules);
  return { document, errors: [...errors, ...inherited] };
}

function redirected(next: unknown, sources: readonly unknown[], rules: SecretRules): FieldError[] {
  const taken = sealedAt(next, rules);
  if (taken.size === 0) return [];
  const asRedacted = mapLocations(next, parsePatterns(rules.patterns), '', (value) =>
    isSealed(value) ? REDACTED : value,
  );
  for (const source of sources) {
    const [document, errors] = attempt(asRedacted, source, rules);
    const refused = new Set(errors.map(({ pointer }) => pointer));
    const kept = sealedAt(document, rules);
    for (const [pointer, value] of taken) {
      if (!refused.has(pointer) && kept.get(pointer) === value) taken.delete(pointer);
    }
  }
  return [...taken.keys()].map((pointer) => ({
    pointer,
    code: 'secret-required',
    detail: 'The destination of this secret changes, so it has to be sent again.',
  }));
}

function attempt(
  next: unknown,
  stored: unknown,
  rules: SecretRules,
): [document: unknown, errors: FieldError[]] {
  const errors: FieldError[] = [];
  let document = next;
  for (const group of rules.groups) {
    try {
      document = keepSecrets({ next: document, stored, ...group });
    } catch (error) {
      if (!(error instanceof DomainError) || !error.errors) throw error;
      errors.push(...error.errors);
      // What can be kept is kept all the same, so that the rest of the document can be examined.
      const failed = new Set(error.errors.map(({ pointer }) => pointer));
      const rest = mapLocations(document, parsePatterns(group.patterns), '', (value, pointer) =>
        failed.has(pointer) ? 'missing' : value,
      );
      document = keepSecrets({ next: rest, stored, ...group });
    }
  }
  return [document, errors];
}

function isSealed(value: unknown): value is string {
  return typeof value === 'string' && looksSealed(value);
}

function sealedAt(document: unknown, { patterns }: SecretRules): Map<string, string> {
  const found = new Map<string, string>();
  mapLocations(document, parsePatterns(patterns), '', (value, pointer) => {
    if (isSealed(value)) found.set(pointer, value);
    return value;
  });
  return found;
}

/** The document in clear, as far as its secrets open: for checks and for rendering, never for an answer. */
export function clearDocument(
  document: unknown,
  rules: SecretRules,
  sealer: Sealer,
  context: string,
): unknown {
  return mapLocations(document, parsePatterns(rules.patterns), '', (value) =>
    isSealed(value) ? sealer.open(value, context) : value,
  );
}

/**
 * Two documents (in clear) as a client may see their difference: all secrets are `***`, and one that differs stands in the
 * first as something else, so that a difference remains without either value.
 */
export function redactPair(
  from: unknown,
  to: unknown,
  { patterns }: SecretRules,
): [from: unknown, to: unknown] {
  const after = new Map<string, unknown>();
  mapLocations(to, parsePatterns(patterns), '', (value, pointer) => {
    after.set(pointer, value);
    return value;
  });
  const marked = mapLocations(from, parsePatterns(patterns), '', (value, pointer) =>
    after.has(pointer) && after.get(pointer) !== value ? `${REDACTED} (before)` : value,
  );
  const before = mapLocations(marked, parsePatterns(patterns), '', (value) =>
    value === `${REDACTED} (before)` ? value : redactSecrets({ value }, ['/value']).value,
  );
  return [before, redactSecrets(to, patterns)];
}
