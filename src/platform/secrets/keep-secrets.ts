import { isDeepStrictEqual } from 'node:util';
import type { FieldError } from '../errors.js';
import { isEmptySecret, REDACTED, redactSecrets, refuse } from './secret-fields.js';
import {
  collect,
  descend,
  isObject,
  mapLocations,
  memberOf,
  parsePattern,
  parsePatterns,
  pointerTo,
  type Tail,
} from './secret-patterns.js';

/** Items of the array at `pattern` (which ends in `/*`) are the same when their member `key` is. */
export interface KeyedArray {
  pattern: string;
  key: string;
}

export interface KeepOptions<T> {
  /** What a client wants, with `***` where a secret shall stay. */
  next: T;
  /** The object as it is stored, `undefined` when it is being created. */
  stored: unknown;
  patterns: readonly string[];
  /**
   * Where secrets are sent to or how they are protected, e.g. `/url`, `/http_config/proxy_url`. Below a common `*` a
   * destination concerns the secrets of its own item only, else all of the document.
   */
  destinations?: readonly string[];
  /** Other arrays match by position, only while their length and everything but the secrets stays as it was. */
  keyed?: readonly KeyedArray[];
  /** Put before the pointers of errors, e.g. `/webhook`. Default none. */
  prefix?: string;
}

/**
 * `next` with every `***` replaced by the stored secret, still sealed. Works on sealed and on clear `next` alike. A
 * destination that is a secret itself counts as unchanged only when it is `***`.
 * @throws DomainError 422 with a pointer per secret: `secret-missing` when none is stored; `secret-required` when its
 *   destination changed, or the item that it belongs to cannot be told
 */
export function keepSecrets<T>(options: KeepOptions<T>): T {
  const { next, stored, patterns, destinations = [], keyed = [], prefix = '' } = options;
  const errors: FieldError[] = [];
  const kept = keepBelow(
    {
      next,
      stored,
      pointer: prefix,
      secrets: parsePatterns(patterns),
      destinations: parsePatterns(destinations),
      keyed: keyed.map(({ pattern, key }) => ({ tail: parsePattern(pattern), key })),
      redirected: false,
    },
    errors,
  );
  refuse(errors);
  return kept as T;
}

/** A node of `next` beside its counterpart; tails are what remains of the patterns from here. */
interface Node {
  next: unknown;
  stored: unknown;
  pointer: string;
  secrets: readonly Tail[];
  destinations: readonly Tail[];
  keyed: readonly { tail: Tail; key: string }[];
  /** A destination that was passed on the way down has changed. */
  redirected: boolean;
}

function keepBelow(node: Node, errors: FieldError[]): unknown {
  const { next, secrets } = node;
  if (secrets.length === 0) return next;
  if (secrets.some((tail) => tail.length === 0)) return next === REDACTED ? keepOne(node, errors) : next;
  if (Array.isArray(next)) return keepItems(node, next, errors);
  if (!isObject(next)) return next;
  return Object.fromEntries(
    Object.entries(next).map(([name, member]) => [
      name,
      keepBelow(child(node, name, member, memberOf(node.stored, name)), errors),
    ]),
  );
}

function keepOne({ stored, pointer, redirected }: Node, errors: FieldError[]): unknown {
  if (isEmptySecret(stored)) {
    const detail = 'There is no stored secret that *** could stand for. Send the secret itself.';
    errors.push({ pointer, code: 'secret-missing', detail });
  } else if (redirected) {
    const detail = 'The destination of this secret changes, so it has to be sent again.';
    errors.push({ pointer, code: 'secret-required', detail });
  }
  return stored;
}

function keepItems(node: Node, items: unknown[], errors: FieldError[]): unknown {
  const key = node.keyed.find(({ tail }) => tail.length === 1)?.key;
  const stored: unknown[] = Array.isArray(node.stored) ? node.stored : [];
  const counterpart = (item: unknown, index: number): unknown => {
    if (key === undefined) return stored[index];
    const same = stored.filter((other) => sameKey(other, item, key));
    return same.length === 1 ? same[0] : undefined;
  };
  if (key === undefined && stored.length > 0 && !samePositions(node, items, stored)) {
    requireAll(node, errors);
    return items;
  }
  return items.map((item, index) =>
    keepBelow(child(node, String(index), item, counterpart(item, index)), errors),
  );
}

function sameKey(stored: unknown, next: unknown, key: string): boolean {
  const value = memberOf(next, key);
  return value !== undefined && value !== null && isDeepStrictEqual(memberOf(stored, key), value);
}

function samePositions({ secrets }: Node, items: unknown[], stored: unknown[]): boolean {
  const patterns = secrets.map((tail) => tail.map((segment) => pointerTo('', segment)).join(''));
  return isDeepStrictEqual(redactSecrets(items, patterns), redactSecrets(stored, patterns));
}

function requireAll({ next, secrets, pointer }: Node, errors: FieldError[]): void {
  mapLocations(next, secrets, pointer, (value, at) => {
    if (value === REDACTED) {
      const detail = 'The list around this secret changed, so it has to be sent again.';
      errors.push({ pointer: at, code: 'secret-required', detail });
    }
    return value;
  });
}

function child(node: Node, segment: string, next: unknown, stored: unknown): Node {
  const aside = node.destinations.filter(([head]) => head !== segment && head !== '*');
  return {
    next,
    stored,
    pointer: pointerTo(node.pointer, segment),
    secrets: descend(node.secrets, segment),
    destinations: descend(node.destinations, segment),
    keyed: node.keyed
      .filter(({ tail: [head] }) => head === segment || head === '*')
      .map(({ tail, key }) => ({ tail: tail.slice(1), key })),
    redirected: node.redirected || aside.some((tail) => differs(node.next, node.stored, tail)),
  };
}

/** An absent destination and `null` are the same; `***` is the stored one. */
function differs(next: unknown, stored: unknown, tail: Tail): boolean {
  const after = present(collect(next, tail));
  const before = present(collect(stored, tail));
  if (after.size !== before.size) return true;
  return [...after].some(
    ([pointer, value]) =>
      !before.has(pointer) || (value !== REDACTED && !isDeepStrictEqual(value, before.get(pointer))),
  );
}

function present(values: Map<string, unknown>): Map<string, unknown> {
  return new Map([...values].filter(([, value]) => value !== undefined && value !== null));
}
