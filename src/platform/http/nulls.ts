import { invalid, type FieldError } from '../errors.js';
import { pointerOf } from './json-pointer.js';

/** Pointers of every `null` in a document, items of arrays included. */
export function nullsOf(document: unknown): string[] {
  const found: string[] = [];
  const visit = (value: unknown, path: (string | number)[]): void => {
    if (value === null) found.push(pointerOf(path));
    else if (typeof value === 'object') {
      for (const [name, member] of Object.entries(value)) visit(member, [...path, name]);
    }
  };
  visit(document, []);
  return found;
}

/**
 * `null` means nothing outside a merge patch: leaving a member out says the same without a third state.
 * @throws DomainError `invalid` with a pointer to each `null`
 */
export function refuseNulls(document: unknown): void {
  const pointers = nullsOf(document);
  if (pointers.length === 0) return;
  const errors = pointers.slice(0, 100).map((pointer): FieldError => {
    return {
      pointer,
      code: 'null',
      detail: 'must not be null; leave it out, or remove it with a merge patch',
    };
  });
  throw invalid('The body holds null. Leave members out instead of sending null.', errors);
}
