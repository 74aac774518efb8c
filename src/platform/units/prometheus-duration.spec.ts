import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatPrometheusDuration, parsePrometheusDuration } from './prometheus-duration.js';

describe('parsePrometheusDuration', () => {
  it.each([
    ['0', 0],
    ['0s', 0],
    ['324ms', 324],
    ['3s', 3000],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['4d', 345_600_000],
    ['4d1h', 349_200_000],
    ['14d', 1_209_600_000],
    ['3w', 1_814_400_000],
    ['3w2d1h', 1_990_800_000],
    ['8w', 4_838_400_000],
    ['10y', 315_360_000_000],
    ['1h30m', 5_400_000],
    ['1m500ms', 60_500],
  ])('%s is %d ms', (text, expected) => {
    expect(parsePrometheusDuration(text)).toBe(expected);
  });

  it.each([
    '',
    '1',
    '1.5h',
    '1d1',
    'd',
    '-1w',
    '1m1h',
    '1h 30m',
    ' 1h',
    '1h\n',
    '1µs',
    '1S',
    '1s1s',
    '294y',
    '200y40000d',
    '9'.repeat(30) + 's',
  ])('%j is none', (text) => {
    expect(parsePrometheusDuration(text)).toBeUndefined();
  });

  it('never throws, and never answers anything but a whole, finite number', () => {
    const pieces = fc.array(
      fc.oneof(fc.nat(), fc.constantFrom('y', 'w', 'd', 'h', 'm', 's', 'ms', ' ', '-', '.')),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          pieces.map((parts) => parts.join('')),
        ),
        (text) => {
          const value = parsePrometheusDuration(text);
          expect(value === undefined || (Number.isSafeInteger(value) && value >= 0)).toBe(true);
        },
      ),
    );
  });

  it('reads back what formatPrometheusDuration writes', () => {
    fc.assert(
      fc.property(fc.nat({ max: 9_000_000_000_000 }), (milliseconds) => {
        expect(parsePrometheusDuration(formatPrometheusDuration(milliseconds))).toBe(milliseconds);
      }),
    );
  });
});

describe('formatPrometheusDuration', () => {
  it.each([
    [0, '0s'],
    [5_400_000, '1h30m'],
    [604_800_000, '1w'],
    [691_200_000, '8d'],
    [31_536_000_000, '1y'],
    [90_061_001, '1d1h1m1s1ms'],
  ])('%d is %s', (milliseconds, expected) => {
    expect(formatPrometheusDuration(milliseconds)).toBe(expected);
  });
});
