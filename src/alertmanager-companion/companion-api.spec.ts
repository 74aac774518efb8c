import { describe, expect, it } from 'vitest';
import { loadDeadline, putDeadline } from './companion-api.js';

const MIB = 1024 * 1024;

describe('deadlines', () => {
  it('grow with the file', () => {
    expect(loadDeadline(0)).toBe(20_000);
    expect(loadDeadline(10 * MIB)).toBe(40_000);
  });

  it('leave the whole PUT time for a check, a load and the way back', () =>
    expect(putDeadline(MIB)).toBeGreaterThan(3 * loadDeadline(MIB)));
});
