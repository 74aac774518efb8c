import type { FieldError } from '../../../platform/errors.js';
import { pointerOf } from '../../../platform/http/json-pointer.js';

const HALF_A_PAIR = /\p{Cs}/u;

/**
 * Texts and names that are no Unicode: Alertmanager would refuse the whole configuration because of them, and sealing
 * would change them.
 *
 * @param pointer of the block, for the errors
 */
export function unicodeErrors(block: unknown, pointer: string): FieldError[] {
  const errors: FieldError[] = [];
  const refuse = (path: readonly string[], what: string): void => {
    const detail = `${what} half of a surrogate pair, which is no character`;
    errors.push({ pointer: `${pointer}${pointerOf(path)}`, code: 'not-unicode', detail });
  };
  const visit = (value: unknown, path: readonly string[]): void => {
    if (typeof value === 'string' && HALF_A_PAIR.test(value)) refuse(path, 'holds');
    if (typeof value !== 'object' || value === null) return;
    for (const [name, member] of Object.entries(value)) {
      if (HALF_A_PAIR.test(name)) refuse(path, 'holds a name with');
      visit(member, [...path, name]);
    }
  };
  visit(block, []);
  return errors;
}
