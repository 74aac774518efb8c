import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diffDocuments } from './json-diff.js';
import { fillDefaults, patchDocument } from './defaulting.js';
import { namesOf, valueAt } from './json-value.js';
import { resetDocument } from './reset.js';
import { document, pointersOf } from '../../../test/support/json-documents.js';
import jsonPatch from 'fast-json-patch';

describe('fillDefaults', () => {
  it('fills absent members at any depth, and takes arrays whole', () => {
    const defaults = { a: { b: 1, c: [1, 2] }, d: 'x' };
    expect(fillDefaults({ a: { c: [] } }, defaults)).toEqual({ a: { b: 1, c: [] }, d: 'x' });
  });

  it('is the same done twice, keeps what was given, and leaves nothing absent', () => {
    fc.assert(
      fc.property(document(), document(), (given, defaults) => {
        const filled = fillDefaults(given, defaults);
        expect(fillDefaults(filled, defaults)).toEqual(filled);
        expect(fillDefaults({}, defaults)).toEqual(defaults);
        expect(fillDefaults(given, {})).toEqual(given);
        for (const name of Object.keys(defaults)) expect(filled).toHaveProperty([name]);
      }),
    );
  });

  it('shares nothing with what it was made of', () => {
    const defaults = { a: { b: [1] } };
    const filled = fillDefaults({}, defaults) as typeof defaults;
    filled.a.b.push(2);
    expect(defaults).toEqual({ a: { b: [1] } });
  });
});

describe('patchDocument', () => {
  const defaults = { a: 1, block: { x: 1, y: 2 }, list: [1, 2] };

  it.each<[string, object, object]>([
    ['null is the default', { a: null }, { a: 1, block: { x: 9, y: 9 }, list: [9], free: 9 }],
    ['null of a block is its default', { block: null }, { a: 9, block: { x: 1, y: 2 }, list: [9], free: 9 }],
    ['null without a default removes', { free: null }, { a: 9, block: { x: 9, y: 9 }, list: [9] }],
    ['an empty list clears', { list: [] }, { a: 9, block: { x: 9, y: 9 }, list: [], free: 9 }],
    ['zero overwrites', { a: 0 }, { a: 0, block: { x: 9, y: 9 }, list: [9], free: 9 }],
    ['an array moves whole', { list: [2, 1] }, { a: 9, block: { x: 9, y: 9 }, list: [2, 1], free: 9 }],
    ['an empty block says nothing', { block: {} }, { a: 9, block: { x: 9, y: 9 }, list: [9], free: 9 }],
  ])('%s', (_name, patch, expected) => {
    const current = { a: 9, block: { x: 9, y: 9 }, list: [9], free: 9 };
    expect(patchDocument(current, patch, defaults)).toEqual(expected);
  });

  it('completes a block that it adds', () => {
    expect(patchDocument({ a: 9 }, { block: { x: 5 } }, defaults)).toEqual({ a: 9, block: { x: 5, y: 2 } });
  });

  it('touches nothing that the patch does not name, though the default has grown', () => {
    expect(patchDocument({ a: 9, block: { x: 9 } }, { a: 8 }, defaults)).toEqual({ a: 8, block: { x: 9 } });
  });

  it('done twice is done once', () => {
    fc.assert(
      fc.property(document(), document({ nulls: true }), document(), (current, patch, base) => {
        const once = patchDocument(current, patch, base);
        expect(patchDocument(once, patch, base)).toEqual(once);
        expect(patchDocument(current, {}, base)).toEqual(current);
      }),
    );
  });
});

describe('resetDocument', () => {
  it('is the worked example', () => {
    const reset = resetDocument(
      { a: 1, b: 2, c: 3 },
      { a: 4, b: 5, c: 6 },
      { keep: ['/a', '/b'], patch: { a: 100 } },
    );
    expect(reset).toEqual({ a: 100, b: 2, c: 6 });
  });

  it.each(['', 'a', '/a~2', '/list/0', '/list/-', '/deep/list/0/x'])('refuses to keep %j', (pointer) => {
    const current = { list: [1], deep: { list: [{ x: 1 }] } };
    expect(() => resetDocument(current, {}, { keep: ['/list', pointer], patch: {} })).toThrow(
      expect.objectContaining({
        category: 'invalid',
        errors: [expect.objectContaining({ pointer: '/keep/1', code: 'invalid-pointer' })],
      }),
    );
  });

  it('keeps a list whole, and nothing where a pointer leads nowhere', () => {
    const keep = ['/list', '/nowhere/at/all', '/list2', '/constructor', '/a/b'];
    expect(resetDocument({ list: [9], a: 5 }, { list: [1, 2], a: 1 }, { keep, patch: {} })).toEqual({
      list: [9],
      a: 1,
    });
  });

  it('reads escapes', () => {
    expect(resetDocument({ 'x/y~z': 9 }, { 'x/y~z': 1 }, { keep: ['/x~1y~0z'], patch: {} })).toEqual({
      'x/y~z': 9,
    });
  });

  it('keeps exactly what is kept, and the rest is the default', () => {
    fc.assert(
      fc.property(document(), document(), fc.infiniteStream(fc.nat(3)), (current, defaults, picks) => {
        const keep = pointersOf(current).filter(() => picks.next().value === 0);
        const reset = resetDocument(current, defaults, { keep, patch: {} });
        for (const pointer of keep) expect(valueAt(reset, pointer)).toEqual(valueAt(current, pointer));
        const roots = new Set(keep.map((pointer) => namesOf(pointer)[0]));
        for (const [name, value] of Object.entries(defaults)) {
          if (!roots.has(name)) expect((reset as Record<string, unknown>)[name]).toEqual(value);
        }
        // Once kept, always kept; and the order of the pointers says nothing.
        expect(resetDocument(reset, defaults, { keep, patch: {} })).toEqual(reset);
        expect(resetDocument(current, defaults, { keep: keep.toReversed(), patch: {} })).toEqual(reset);
      }),
    );
  });

  it('keeping everything changes nothing, keeping nothing is the default', () => {
    fc.assert(
      fc.property(document(), (current) => {
        const keep = pointersOf(current).filter((pointer) => namesOf(pointer).length === 1);
        expect(resetDocument(current, {}, { keep, patch: {} })).toEqual(current);
        expect(resetDocument({ other: 1 }, current, { keep: [], patch: {} })).toEqual(current);
      }),
    );
  });
});

describe('diffDocuments', () => {
  it('is an RFC 6902 patch from one to the other', () => {
    fc.assert(
      fc.property(document(), document(), (from, to) => {
        const diff = diffDocuments(from, to);
        const patched = jsonPatch.applyPatch(
          structuredClone(from),
          structuredClone(diff) as never,
        ).newDocument;
        expect(patched).toEqual(to);
        expect(diffDocuments(from, structuredClone(from))).toEqual([]);
      }),
    );
  });

  it('escapes names', () => {
    expect(diffDocuments({ 'a/b': 1 }, { 'a/b': 2, '~': 1 })).toEqual([
      { op: 'replace', path: '/a~1b', value: 2 },
      { op: 'add', path: '/~0', value: 1 },
    ]);
  });
});
