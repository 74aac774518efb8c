import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeCursor, encodeCursor } from './cursor.js';

const text = fc.string({ unit: 'binary', maxLength: 40 });
const refused = expect.objectContaining({
  category: 'malformed',
  code: 'invalid-cursor',
  errors: [expect.objectContaining({ parameter: 'cursor' })],
});

describe('cursor', () => {
  it('brings back any id, in characters that need no escaping in a URL', () => {
    fc.assert(
      fc.property(text, text, (kind, afterId) => {
        const cursor = encodeCursor({ kind, afterId });
        expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/);
        expect(decodeCursor(cursor, kind)).toBe(afterId);
      }),
    );
  });

  it('is refused for another kind', () => {
    fc.assert(
      fc.property(text, text, text, (kind, other, afterId) => {
        fc.pre(kind !== other);
        expect(() => decodeCursor(encodeCursor({ kind, afterId }), other)).toThrow(refused);
      }),
    );
  });

  it('is refused when it was made up', () => {
    fc.assert(
      fc.property(fc.oneof(text, fc.base64String(), fc.json()), (made) => {
        expect(() => decodeCursor(made, 'k')).toThrow(refused);
      }),
    );
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    for (const value of [
      null,
      {},
      [],
      [1, 'k'],
      [2, 'k', 'a'],
      [1, 'k', 5],
      [1, 'k', 'a', 'b'],
      [1, ['k'], 'a'],
    ]) {
      expect(() => decodeCursor(encode(value), 'k')).toThrow(refused);
    }
    const good = encodeCursor({ kind: 'k', afterId: 'a' });
    expect(() => decodeCursor(`${good}=`, 'k')).toThrow(refused);
    expect(() => decodeCursor(`${good} `, 'k')).toThrow(refused);
    expect(() => decodeCursor('A'.repeat(100_000), 'k')).toThrow(refused);
  });
});
