import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pointerOf } from './json-pointer.js';
import { nullsOf } from './nulls.js';
import { FORBIDDEN_NAMES, MAX_JSON_DEPTH, parseStrictJson } from './strict-json.js';

const bytes = (text: string): Buffer => Buffer.from(text);

describe('parseStrictJson', () => {
  it('reads all JSON that is not too deep and holds no forbidden name', () => {
    const name = fc.string().filter((text) => !FORBIDDEN_NAMES.has(text));
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 6 },
        fc.constant(null),
        fc.boolean(),
        fc.integer(),
        fc.string(),
        fc.array(tie('value')),
        fc.dictionary(name, tie('value')),
      ),
    }));
    fc.assert(
      fc.property(value, (document) => {
        expect(parseStrictJson(bytes(JSON.stringify(document)))).toEqual(
          JSON.parse(JSON.stringify(document)),
        );
      }),
    );
  });

  it('answers any bytes with a value or one of its own errors', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (body) => {
        try {
          parseStrictJson(body);
        } catch (error) {
          expect(error).toMatchObject({ category: 'malformed' });
        }
      }),
    );
  });

  it('draws the line exactly at the depth limit', () => {
    const nested = (levels: number): Buffer => bytes('['.repeat(levels) + ']'.repeat(levels));
    expect(() => parseStrictJson(nested(MAX_JSON_DEPTH))).not.toThrow();
    expect(() => parseStrictJson(nested(MAX_JSON_DEPTH + 1))).toThrow(/deeper/);
  });

  it('takes no byte order mark for text, and blanks for no body', () => {
    expect(parseStrictJson(bytes('\uFEFF{"a":1}'))).toEqual({ a: 1 });
    expect(parseStrictJson(bytes(' \n'))).toBeUndefined();
  });
});

describe('pointers', () => {
  it('lead back to the nulls they name', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (document) => {
        for (const pointer of nullsOf(document)) {
          const tokens = pointer
            .split('/')
            .slice(1)
            .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
          let value: unknown = document;
          for (const token of tokens) value = (value as Record<string, unknown>)[token];
          expect(value).toBeNull();
          expect(pointerOf(tokens)).toBe(pointer);
        }
      }),
    );
  });
});
