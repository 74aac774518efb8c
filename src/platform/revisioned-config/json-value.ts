import { memberOf } from '../secrets/secret-patterns.js';

/** What stands at an RFC 6901 pointer that leads through objects only; `undefined` when there is nothing. */
export function valueAt(document: unknown, pointer: string): unknown {
  return namesOf(pointer).reduce(memberOf, document);
}

/** A copy in which `value` stands at the pointer; objects on the way are made where there are none. */
export function withValueAt(document: unknown, pointer: string, value: unknown): unknown {
  return replace(document, namesOf(pointer), value);
}

/** Names of a pointer below the root. */
export function namesOf(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function replace(document: unknown, [name, ...rest]: string[], value: unknown): unknown {
  if (name === undefined) return value;
  const isObject = typeof document === 'object' && document !== null && !Array.isArray(document);
  const members = new Map(Object.entries(isObject ? document : {}));
  members.set(name, replace(members.get(name), rest, value));
  return Object.fromEntries(members);
}
