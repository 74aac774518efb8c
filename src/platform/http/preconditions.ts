import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { DomainError } from '../errors.js';
import { documentHeader } from './route-options.js';
import { requestState, type OpniRequest } from './request-state.js';

/**
 * What a write expects to find, from `If-Match`, `If-None-Match` and the `revision` of a body that GET returned.
 * `expected` fits `Write.expected` of the store as it is; `exists` stands for `If-Match: *`.
 */
export interface WritePreconditions {
  expected?: number | 'absent';
  exists?: true;
  /** All revisions of an `If-Match` list with more than one; the current one must be among them. */
  anyOf?: number[];
}

/**
 * The revisions of a list of entity tags, or `'*'`. Weak tags never match a strong comparison and count as revision -1,
 * as do strong tags that are not ours.
 * @throws DomainError `malformed-precondition`
 */
export function parseEntityTags(header: string, name: string): number[] | '*' {
  const text = header.trim();
  if (text === '*') return '*';
  const tags = text.match(/(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/g) ?? [];
  if (tags.length === 0 || !/^(?:W\/)?"[^"]*"(?:\s*,\s*(?:(?:W\/)?"[^"]*")?)*$/.test(text)) {
    throw malformed(name, `must be a list of entity tags as ETag shows them, e.g. "3", or *`);
  }
  return tags.map((tag) => (/^"(?:0|[1-9]\d{0,14})"$/.test(tag) ? Number(tag.slice(1, -1)) : -1));
}

/** Merges the headers and the body's own `revision`. */
export function preconditionsOf(
  ifMatch: string | undefined,
  ifNoneMatch: string | undefined,
  bodyRevision?: number,
): WritePreconditions {
  const match = ifMatch === undefined ? undefined : parseEntityTags(ifMatch, 'If-Match');
  const noneMatch = ifNoneMatch === undefined ? undefined : parseEntityTags(ifNoneMatch, 'If-None-Match');
  if (noneMatch !== undefined && noneMatch !== '*') {
    throw malformed('If-None-Match', 'must be * (create only) on a write; use If-Match to name a revision');
  }
  if (noneMatch && (match !== undefined || bodyRevision !== undefined)) {
    throw malformed('If-None-Match', 'contradicts If-Match or the revision in the body; send one of them');
  }
  if (noneMatch) return { expected: 'absent' };
  const named = match === undefined || match === '*' ? undefined : match;
  if (bodyRevision !== undefined) {
    if (named && !named.includes(bodyRevision)) {
      throw malformed('If-Match', 'names another revision than the body; send one of them');
    }
    return { expected: bodyRevision };
  }
  if (match === '*') return { exists: true };
  if (!named) return {};
  return named.length === 1 ? { expected: named[0] as number } : { anyOf: named };
}

/** The value for `Write.expected`, once the current revision is known (`undefined`: there is no such object). */
export function expectedRevision(
  preconditions: WritePreconditions,
  current: number | undefined,
): number | 'absent' | undefined {
  const { exists, anyOf, expected } = preconditions;
  if (exists) {
    if (current === undefined) throw stale('The object does not exist, and If-Match: * asks for one.');
    return current;
  }
  if (!anyOf) return expected;
  if (current !== undefined && anyOf.includes(current)) return current;
  throw stale('The object has another revision than If-Match names. Read it again, then repeat the change.');
}

/**
 * For documents that always exist (revision 0 before the first write).
 * @throws DomainError `revision-mismatch` with the current revision
 */
export function checkPreconditions(preconditions: WritePreconditions, current: number): void {
  const { expected, anyOf } = preconditions;
  const holds =
    expected === 'absent'
      ? current === 0
      : (expected === undefined || expected === current) && (anyOf?.includes(current) ?? true);
  if (holds) return;
  throw stale(
    `The document has revision ${current}, not the expected one. Read it again, then repeat the change.`,
    current,
  );
}

function stale(detail: string, current?: number): DomainError {
  return new DomainError({
    category: 'precondition-failed',
    code: 'revision-mismatch',
    detail,
    ...(current !== undefined && { extensions: { current } }),
  });
}

function malformed(header: string, rule: string): DomainError {
  return new DomainError({
    category: 'malformed',
    code: 'malformed-precondition',
    detail: `The header ${header} ${rule}.`,
  });
}

/** `@Preconditions() preconditions: WritePreconditions` of the request, after the body was read. */
export const Preconditions: () => ParameterDecorator = createParamDecorator(
  (_data: unknown, context: ExecutionContext): WritePreconditions => {
    const request = context.switchToHttp().getRequest<OpniRequest>();
    const one = (name: string): string | undefined => {
      const value = request.headers[name];
      return Array.isArray(value) ? value.join(', ') : value;
    };
    return preconditionsOf(one('if-match'), one('if-none-match'), requestState(request).bodyRevision);
  },
  [
    (target, method) => {
      documentHeader(target, method, {
        name: 'If-Match',
        required: false,
        description: 'Change only this revision, e.g. "3".',
      });
      documentHeader(target, method, {
        name: 'If-None-Match',
        required: false,
        description: '* creates only.',
      });
    },
  ],
);

/** A revision as strong entity tag. */
export function entityTag(revision: number): string {
  return `"${revision}"`;
}
