import { describe, expect, it } from 'vitest';
import { inRange, isRange, parseVersion } from './version-range.js';

const RANGE = '>=0.30.0 <0.32.0';

describe('inRange', () => {
  it.each(['0.30.0', '0.31.1', '0.31.99', 'v0.31.0', '0.31.0+ds', '0.31.0-rc.1'])('takes %s', (version) => {
    expect(inRange(version, RANGE)).toBe(true);
  });

  it.each([
    '0.25.0',
    '0.29.9',
    '0.30.0-rc.0',
    '0.32.0',
    '0.32.0-rc.1',
    '1.31.0',
    '0.31',
    '',
    'unknown',
    '0.31.1x',
  ])('refuses %j', (version) => {
    expect(inRange(version, RANGE)).toBe(false);
  });

  it('compares numbers as numbers', () => {
    expect(inRange('0.9.0', '>=0.10.0')).toBe(false);
    expect(inRange('10.0.0', '>9.0.0 <=10.0.0')).toBe(true);
    expect(inRange('1.2.3', '=1.2.3')).toBe(true);
    expect(inRange('1.2.4', '=1.2.3')).toBe(false);
  });
});

describe('isRange', () => {
  it.each(['', '0.30.0', '>=0.30', '>=0.30.0,<0.32.0', '^0.30.0', '>=0.30.0  <0.32.0'])(
    'refuses %j',
    (range) => {
      expect(isRange(range)).toBe(false);
    },
  );
});

describe('parseVersion', () => {
  it('keeps a pre-release and drops build metadata', () => {
    expect(parseVersion('1.2.3-rc.1+ds')).toEqual({ numbers: [1, 2, 3], prerelease: 'rc.1' });
  });
});
