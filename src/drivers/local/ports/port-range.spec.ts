import { describe, expect, it } from 'vitest';
import { choosePortRange, parseEphemeralRange, portsFrom } from './port-range.js';

describe('choosePortRange', () => {
  it.each([
    ['the usual', 32_768, 60_999, 20_000, 29_999],
    ['one that begins at 10000', 10_000, 65_535, 1024, 9999],
    ['one in the way, with room above', 2000, 30_000, 30_001, 65_535],
    ['everything', 1024, 65_535, 20_000, 29_999],
    ['really everything', 1, 65_535, 20_000, 29_999],
  ])('keeps out of %s', (_what, first, last, wantedFirst, wantedLast) => {
    expect(choosePortRange({ first, last })).toEqual({ first: wantedFirst, last: wantedLast });
  });
});

describe('parseEphemeralRange', () => {
  it('reads what the kernel prints', () => {
    expect(parseEphemeralRange('32768\t60999\n')).toEqual({ first: 32_768, last: 60_999 });
  });
  it.each(['', '1', 'a b', '5 4', '1 2 3'])('answers null for %j', (text) =>
    expect(parseEphemeralRange(text)).toBeNull(),
  );
});

describe('portsFrom', () => {
  it('names every port once, beginning where the seed says', () => {
    expect([...portsFrom({ first: 10, last: 14 }, 4_000_000_003)]).toEqual([13, 14, 10, 11, 12]);
  });
});
