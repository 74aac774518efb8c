import fc from 'fast-check';
import { expect, it } from 'vitest';
import { atLeast } from './at-least.js';

it('matches exactly the numbers that are not smaller', () => {
  const number = fc.oneof(fc.nat(2000), fc.maxSafeNat());
  fc.assert(
    fc.property(number, number, fc.integer({ min: -2, max: 2 }), (minimum, other, nudge) => {
      const pattern = new RegExp(`^(?:${atLeast(minimum)})$`);
      const near = Math.max(0, minimum + nudge);
      expect(pattern.test(String(other))).toBe(other >= minimum);
      expect(pattern.test(String(near))).toBe(near >= minimum);
      expect(pattern.test('')).toBe(false);
    }),
  );
});
