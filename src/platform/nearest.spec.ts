import fc from 'fast-check';
import { expect, it } from 'vitest';
import { nearest } from './nearest.js';

it('finds what was meant, and nothing when nothing is close', () => {
  const names = ['listen', 'auth.mode', 'logLevel', 'logFormat'];
  expect(nearest('lisen', names)).toBe('listen');
  expect(nearest('loglevel', names)).toBe('logLevel');
  expect(nearest('foo', ['from', 'for-whom'])).toBeUndefined();
  expect(nearest('ide', ['id'])).toBe('id');
  expect(nearest('completely-different', names)).toBeUndefined();
  expect(nearest('x'.repeat(10_000), names)).toBeUndefined();
});

it('always finds the name itself', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, maxLength: 30 }), (name) => {
      expect(nearest(name, ['another', name])).toBe(name);
    }),
  );
});
