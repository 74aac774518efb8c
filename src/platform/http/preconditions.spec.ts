import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkPreconditions,
  entityTag,
  expectedRevision,
  parseEntityTags,
  preconditionsOf,
} from './preconditions.js';

describe('parseEntityTags', () => {
  it('reads what entityTag writes, in any list', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(), { minLength: 1 }),
        fc.constantFrom(',', ', ', ' , '),
        (revisions, comma) => {
          expect(parseEntityTags(revisions.map(entityTag).join(comma), 'If-Match')).toEqual(revisions);
        },
      ),
    );
  });

  it.each([
    ['*', '*'],
    [' * ', '*'],
    ['W/"1"', [-1]],
    ['"01"', [-1]],
    ['"abc", "2"', [-1, 2]],
    ['"a,b", "2"', [-1, 2]],
    ['""', [-1]],
  ])('%j is %j', (text, expected) => {
    expect(parseEntityTags(text, 'If-Match')).toEqual(expected);
  });

  it.each(['', '1', '"1', '1"', '"1" "2"', '*, "1"', "'1'", 'w/"1"', '"1"; "2"'])(
    '%j is malformed',
    (text) => {
      expect(() => parseEntityTags(text, 'If-Match')).toThrow(/If-Match/);
    },
  );

  it('ends quickly and never crashes on any text', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('"', 'W/', ',', ' ', '*', '1', 'x'), { maxLength: 300 }),
        (parts) => {
          try {
            parseEntityTags(parts.join(''), 'If-Match');
          } catch (error) {
            expect(error).toMatchObject({ code: 'malformed-precondition' });
          }
        },
      ),
    );
  });
});

describe('preconditionsOf', () => {
  it.each([
    [undefined, undefined, undefined, {}],
    ['"3"', undefined, undefined, { expected: 3 }],
    ['"3", "4"', undefined, undefined, { anyOf: [3, 4] }],
    ['*', undefined, undefined, { exists: true }],
    [undefined, '*', undefined, { expected: 'absent' }],
    [undefined, undefined, 5, { expected: 5 }],
    ['"5"', undefined, 5, { expected: 5 }],
    ['*', undefined, 5, { expected: 5 }],
  ] as const)('If-Match %s, If-None-Match %s, body %s', (match, noneMatch, revision, expected) => {
    expect(preconditionsOf(match, noneMatch, revision)).toEqual(expected);
  });

  it.each([
    ['"3"', undefined, 4],
    ['"3"', '*', undefined],
    [undefined, '*', 4],
    [undefined, '"3"', undefined],
  ] as const)('refuses what contradicts itself: %s, %s, %s', (match, noneMatch, revision) => {
    expect(() => preconditionsOf(match, noneMatch, revision)).toThrow(
      expect.objectContaining({ code: 'malformed-precondition' }),
    );
  });
});

describe('expectedRevision', () => {
  it('resolves what depends on the current revision', () => {
    expect(expectedRevision({ exists: true }, 4)).toBe(4);
    expect(expectedRevision({ anyOf: [3, 4] }, 4)).toBe(4);
    expect(expectedRevision({ expected: 'absent' }, 4)).toBe('absent');
    expect(expectedRevision({}, 4)).toBeUndefined();
    const stale = expect.objectContaining({ code: 'revision-mismatch' }) as Error;
    expect(() => expectedRevision({ exists: true }, undefined)).toThrow(stale);
    expect(() => expectedRevision({ anyOf: [3] }, 4)).toThrow(stale);
  });
});

describe('checkPreconditions', () => {
  it.each([
    [{}, 3, true],
    [{ expected: 3 }, 3, true],
    [{ expected: 2 }, 3, false],
    [{ expected: 'absent' }, 0, true],
    [{ expected: 'absent' }, 1, false],
    [{ anyOf: [1, 3] }, 3, true],
    [{ anyOf: [1, 2] }, 3, false],
    [{ exists: true }, 0, true],
  ] as const)('%j at revision %d: %s', (preconditions, current, holds) => {
    const check = (): void =>
      checkPreconditions({ ...preconditions } as Parameters<typeof checkPreconditions>[0], current);
    if (holds) expect(check).not.toThrow();
    else
      expect(check).toThrow(expect.objectContaining({ code: 'revision-mismatch', extensions: { current } }));
  });
});
