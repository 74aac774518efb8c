/** A pattern's segments that are still to be walked; empty at the location itself. */
export type Tail = readonly string[];

const parsed = new WeakMap<readonly string[], readonly Tail[]>();

/** Segments of patterns like `/http_headers/*\/secrets/*` (RFC 6901 escapes; `*` is any member or item). */
export function parsePatterns(patterns: readonly string[]): readonly Tail[] {
  let tails = parsed.get(patterns);
  if (tails === undefined) {
    tails = patterns.map(parsePattern);
    parsed.set(patterns, tails);
  }
  return tails;
}

export function parsePattern(pattern: string): Tail {
  if (!pattern.startsWith('/')) throw new Error(`A secret pattern starts with "/": ${pattern}`);
  return pattern
    .slice(1)
    .split('/')
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** Appends one segment to an RFC 6901 pointer. */
export function pointerTo(pointer: string, segment: string): string {
  return `${pointer}/${segment.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** The tails that go on below `segment`. */
export function descend(tails: readonly Tail[], segment: string): Tail[] {
  return tails.filter(([head]) => head === segment || head === '*').map((tail) => tail.slice(1));
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An object's own member, else `undefined`; never something inherited. */
export function memberOf(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

/**
 * A copy in which `change` replaced what stands at the locations; parts without a location are shared with the
 * original. The document is walked only as deep as the patterns reach.
 */
export function mapLocations(
  value: unknown,
  tails: readonly Tail[],
  pointer: string,
  change: (value: unknown, pointer: string) => unknown,
): unknown {
  if (tails.length === 0) return value;
  if (tails.some((tail) => tail.length === 0)) return change(value, pointer);
  const below = (child: unknown, segment: string): unknown =>
    mapLocations(child, descend(tails, segment), pointerTo(pointer, segment), change);
  if (Array.isArray(value)) return value.map((item, index) => below(item, String(index)));
  if (!isObject(value)) return value;
  const copy = { ...value };
  for (const name of Object.keys(value)) {
    // An own member even when it is called __proto__: the copy has it already.
    if (tails.some(([head]) => head === name || head === '*')) copy[name] = below(value[name], name);
  }
  return copy;
}

/** What stands at the locations of one tail, by relative pointer. */
export function collect(value: unknown, tail: Tail): Map<string, unknown> {
  const found = new Map<string, unknown>();
  mapLocations(value, [tail], '', (located, pointer) => {
    found.set(pointer, located);
    return located;
  });
  return found;
}
