import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unicodeErrors } from './unicode.rules.js';

describe('unicodeErrors', () => {
  it('finds nothing in a block of whole characters', () => {
    const text = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(fc.dictionary(text, fc.oneof(text, fc.integer(), fc.array(text))), (block) => {
        expect(unicodeErrors(block, '')).toEqual([]);
      }),
    );
  });

  it('names every text and every name that holds half a pair', () => {
    const block = { url: 'x', 'a/b': ['ok', '\udfff😀'], headers: { 'x\ud800': 'y' } };
    expect(unicodeErrors(block, '/webhook').map(({ pointer }) => pointer)).toEqual([
      '/webhook/a~1b/1',
      '/webhook/headers',
    ]);
  });
});
