import { invalid, type FieldError } from '../errors.js';
import { isObject } from '../secrets/secret-patterns.js';
import { patchDocument } from './defaulting.js';
import { namesOf, withValueAt } from './json-value.js';

export interface ResetRequest {
  /** RFC 6901 pointers to members of objects; what stands there stays, whole. One that leads nowhere keeps nothing. */
  keep: readonly string[];
  /** Merge patch over the result; it wins over what was kept. */
  patch: unknown;
}

/**
 * The default with what shall be kept of the document, then patched. Worked example: of `{a: 1, b: 2, c: 3}` with the default
 * `{a: 4, b: 5, c: 6}`, keeping `/a` and `/b` and patching `{a: 100}` leaves `{a: 100, b: 2, c: 6}`.
 *
 * @throws DomainError `invalid` with a pointer to each `keep` that is no pointer, or leads into an array
 */
export function resetDocument(document: unknown, defaults: unknown, { keep, patch }: ResetRequest): unknown {
  const errors: FieldError[] = [];
  let result: unknown = structuredClone(defaults);
  for (const [index, pointer] of keep.entries()) {
    const kept = find(document, pointer);
    if ('refused' in kept)
      errors.push({ pointer: `/keep/${index}`, code: 'invalid-pointer', detail: kept.refused });
    else if ('value' in kept) result = withValueAt(result, pointer, structuredClone(kept.value));
  }
  if (errors.length > 0)
    throw invalid('Not everything that shall be kept can be. Correct the pointers.', errors);
  return patchDocument(result, patch, defaults);
}

type Found = { refused: string } | { value: unknown } | { absent: true };

function find(document: unknown, pointer: string): Found {
  const path = parsePointer(pointer);
  if (path === undefined) {
    return { refused: 'must be an RFC 6901 pointer to a member of an object, such as /storage/size' };
  }
  let value = document;
  for (const name of path) {
    if (Array.isArray(value)) {
      return { refused: 'leads into an array; arrays are kept whole, so point at the array itself' };
    }
    if (!isObject(value) || !Object.hasOwn(value, name)) return { absent: true };
    value = value[name];
  }
  return { value };
}

/** `undefined` when the text is no pointer below the root. */
function parsePointer(pointer: string): string[] | undefined {
  return pointer.startsWith('/') && !/~(?![01])/.test(pointer) ? namesOf(pointer) : undefined;
}
