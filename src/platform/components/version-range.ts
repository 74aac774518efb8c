/** `0.31.1`, with what stands behind a `-`; what stands behind a `+` says nothing about order. */
export interface Version {
  numbers: readonly [number, number, number];
  prerelease: string | undefined;
}

const VERSION = /^v?(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+\S*)?$/;
const COMPARATOR = /^(>=|>|<=|<|=)(\d+\.\d+\.\d+)$/;

export function parseVersion(text: string): Version | undefined {
  const match = VERSION.exec(text);
  if (!match) return undefined;
  return { numbers: [Number(match[1]), Number(match[2]), Number(match[3])], prerelease: match[4] };
}

/** Comparators that must all hold, separated by spaces, e.g. `>=0.30.0 <0.32.0`. */
export function isRange(range: string): boolean {
  return range.split(' ').every((part) => COMPARATOR.test(part));
}

/**
 * Whether a version lies in a range. A pre-release counts as older than its release, except that `<0.32.0` also keeps
 * `0.32.0-rc.1` out: it already behaves as the release that the bound excludes.
 */
export function inRange(version: string, range: string): boolean {
  const parsed = parseVersion(version);
  if (!parsed) return false;
  return range.split(' ').every((part) => satisfies(parsed, part));
}

function satisfies(version: Version, comparator: string): boolean {
  const match = COMPARATOR.exec(comparator);
  const bound = match?.[2] === undefined ? undefined : parseVersion(match[2]);
  if (!match || !bound) return false;
  const order = compareNumbers(version.numbers, bound.numbers);
  const early = order === 0 && version.prerelease !== undefined;
  switch (match[1]) {
    case '>=':
      return order >= 0 && !early;
    case '>':
      return order > 0;
    case '<=':
      return order <= 0;
    case '<':
      return order < 0;
    default:
      return order === 0 && !early;
  }
}

function compareNumbers(a: Version['numbers'], b: Version['numbers']): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}
