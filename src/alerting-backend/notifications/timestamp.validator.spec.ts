import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isTimestamp } from './timestamp.validator.js';

describe('isTimestamp', () => {
  it('takes what RFC 3339 writes, whatever the offset and the fraction', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }),
        fc.constantFrom('Z', '+00:00', '-11:30', '+14:00'),
        (date, offset) => {
          const text = date.toISOString().slice(0, -1);
          expect([isTimestamp(`${text}${offset}`), isTimestamp(`${text.slice(0, 19)}${offset}`)]).toEqual([
            true,
            true,
          ]);
        },
      ),
    );
  });

  it.each([
    '2026',
    '2026-01-01',
    '2026-01-01T00:00:00',
    '2026-01-01 00:00:00Z',
    '2026-02-30T00:00:00Z',
    '2025-02-29T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-01-01T25:00:00Z',
    'yesterday',
    '',
    7,
    undefined,
  ])('refuses %j', (value) => {
    expect(isTimestamp(value)).toBe(false);
  });
});
