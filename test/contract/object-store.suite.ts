import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Clock } from '../../src/platform/clock.js';
import type { DocumentUpgrade } from '../../src/platform/store/document-upgrades.js';
import { matches, parseLabelSelector } from '../../src/platform/store/label-selector.js';
import type {
  Change,
  ObjectStore,
  Page,
  StoredObject,
  Write,
} from '../../src/platform/store/object-store.js';

/** How the suite gets a store. `open` on the same `place` sees what an earlier one wrote. */
export interface ObjectStoreFactory {
  /** A new, empty place, removed after the test. */
  newPlace(): Promise<string>;
  open(
    place: string,
    options: { clock: Clock; keepChanges?: number; upgrades?: readonly DocumentUpgrade[] },
  ): Promise<ObjectStore>;
}

class ManualClock extends Clock {
  time = Date.UTC(2026, 0, 1);
  override now(): number {
    return this.time;
  }
}

const put = (
  id: string,
  document: unknown = {},
  more: Partial<Extract<Write, { op: 'put' }>> = {},
): Write => ({ op: 'put', kind: 'thing', id, document, ...more });
const remove = (id: string, expected?: number): Write => ({
  op: 'delete',
  kind: 'thing',
  id,
  ...(expected === undefined ? {} : { expected }),
});
const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
const failsWith = (code: string, more: object = {}) => expect.objectContaining({ code, ...more });

/** What every adapter of the `ObjectStore` port keeps to. */
export function objectStoreContract(name: string, factory: ObjectStoreFactory): void {
  describe(`object store: ${name}`, () => {
    let place: string;
    let store: ObjectStore;
    let clock: ManualClock;
    let open: ObjectStore[];

    const openStore = async (keepChanges?: number, upgrades: DocumentUpgrade[] = []) => {
      const opened = await factory.open(place, {
        clock,
        upgrades,
        ...(keepChanges === undefined ? {} : { keepChanges }),
      });
      open.push(opened);
      return opened;
    };

    beforeEach(async () => {
      open = [];
      clock = new ManualClock();
      place = await factory.newPlace();
      store = await openStore();
    });

    afterEach(async () => {
      await Promise.all(open.map((one) => one.close()));
    });

    const create = async (...ids: string[]) => {
      await store.transact(ids.map((id) => put(id)));
    };

    describe('writing', () => {
      it('creates, changes and deletes, and counts revisions and sequences', async () => {
        expect(await store.sequence()).toBe(0);
        expect(await store.get('thing', 'a')).toBeUndefined();

        const [created] = await store.transact([put('a', { n: 1 }, { labels: { env: 'prod' } })]);
        const first = {
          kind: 'thing',
          id: 'a',
          revision: 1,
          sequence: 1,
          labels: { env: 'prod' },
          document: { n: 1 },
          createdAt: '2026-01-01T00:00:00.000Z',
          updatedAt: '2026-01-01T00:00:00.000Z',
          author: null,
        };
        expect(created).toEqual(first);
        expect(await store.get('thing', 'a')).toEqual(first);

        clock.time += 1500;
        const [changed] = await store.transact([put('a', { n: 2 }, { expected: 1 })]);
        const second = {
          ...first,
          revision: 2,
          sequence: 2,
          labels: {},
          document: { n: 2 },
          updatedAt: '2026-01-01T00:00:01.500Z',
        };
        expect(changed).toEqual(second);
        expect(await store.get('thing', 'a')).toEqual(second);

        expect(await store.transact([remove('a', 2)])).toEqual([second]);
        expect(await store.get('thing', 'a')).toBeUndefined();
        expect(await store.sequence()).toBe(3);

        expect((await store.transact([put('a')]))[0]).toMatchObject({ revision: 1, sequence: 4 });
      });

      it('answers objects of its own', async () => {
        const document = { list: [1], gone: undefined, when: new Date(0) };
        const [answer] = await store.transact([put('a', document)]);
        document.list.push(2);
        expect(answer?.document).toEqual({ list: [1], when: '1970-01-01T00:00:00.000Z' });
        const read = await store.get<{ list: number[] }>('thing', 'a');
        read?.document.list.push(3);
        expect((await store.get<{ list: number[] }>('thing', 'a'))?.document.list).toEqual([1]);
      });

      it('refuses a put or delete on another revision and says which is there', async () => {
        await create('a');
        const mismatch = failsWith('revision-mismatch', {
          category: 'precondition-failed',
          extensions: { current: 1 },
        });
        await expect(store.transact([put('a', {}, { expected: 2 })])).rejects.toEqual(mismatch);
        await expect(store.transact([remove('a', 7)])).rejects.toEqual(mismatch);
        await expect(store.transact([put('b', {}, { expected: 1 })])).rejects.toEqual(
          failsWith('revision-mismatch', { extensions: { current: null } }),
        );
        expect(await store.get('thing', 'a')).toMatchObject({ revision: 1 });
        expect(await store.sequence()).toBe(1);
      });

      it('creates only where nothing is', async () => {
        await store.transact([put('a', { n: 1 }, { expected: 'absent' })]);
        await expect(store.transact([put('a', { n: 2 }, { expected: 'absent' })])).rejects.toEqual(
          failsWith('already-exists', { category: 'precondition-failed', extensions: { current: 1 } }),
        );
        expect((await store.get('thing', 'a'))?.document).toEqual({ n: 1 });
      });

      it('does not delete what is not there', async () => {
        await expect(store.transact([remove('a')])).rejects.toEqual(failsWith('not-found'));
        await expect(store.transact([remove('a', 1)])).rejects.toEqual(failsWith('not-found'));
      });

      it('does all writes of a transaction or none', async () => {
        await create('a', 'b');
        const before = await store.sequence();
        await expect(
          store.transact([put('a', { n: 9 }), remove('b'), put('c'), put('a', {}, { expected: 1 })]),
        ).rejects.toEqual(failsWith('revision-mismatch', { extensions: { current: 2 } }));
        expect(await store.sequence()).toBe(before);
        expect((await store.list('thing')).items.map(({ id, revision }) => [id, revision])).toEqual([
          ['a', 1],
          ['b', 1],
        ]);

        const done = await store.transact([
          put('a', { n: 9 }),
          remove('b'),
          put('c'),
          put('a', {}, { expected: 2 }),
        ]);
        expect(done.map(({ id, revision }) => [id, revision])).toEqual([
          ['a', 2],
          ['b', 1],
          ['c', 1],
          ['a', 3],
        ]);
        expect(await store.sequence()).toBe(before + 4);
        expect(await store.transact([])).toEqual([]);
      });

      it('lets a failed transaction fail alone among those written with it', async () => {
        const results = await Promise.allSettled(
          Array.from({ length: 60 }, (_, n) =>
            store.transact([put(`id-${n % 20}`, { n }, { expected: 'absent' }), put(`extra-${n}`)]),
          ),
        );
        expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(20);
        expect(await store.count('thing')).toBe(40);
        expect(await store.sequence()).toBe(40);
      });

      it('gives one of many writers on the same revision the win', async () => {
        await create('a');
        for (let revision = 1; revision <= 10; revision++) {
          const results = await Promise.allSettled(
            Array.from({ length: 16 }, (_, writer) =>
              store.transact([put('a', { writer }, { expected: revision })]),
            ),
          );
          const winners = results.flatMap((result, writer) =>
            result.status === 'fulfilled' ? [writer] : [],
          );
          expect(winners).toHaveLength(1);
          expect(await store.get('thing', 'a')).toMatchObject({
            revision: revision + 1,
            document: { writer: winners[0] },
          });
        }
      });

      it('keeps any id, label and document as it is', async () => {
        const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 30 });
        const id = text.filter((one) => !one.includes('\0'));
        await fc.assert(
          fc.asyncProperty(
            id,
            id,
            fc.dictionary(text, text),
            fc.jsonValue(),
            async (kind, key, labels, document) => {
              await store.transact([{ op: 'put', kind, id: key, labels, document }]);
              const expected = {
                kind,
                id: key,
                labels: { ...labels },
                document: JSON.parse(JSON.stringify(document)),
              };
              const read = await store.get(kind, key);
              expect(JSON.parse(JSON.stringify(read))).toMatchObject(JSON.parse(JSON.stringify(expected)));
            },
          ),
          { numRuns: 60 },
        );
        for (const nasty of [
          "'; DROP TABLE objects; --",
          '../../etc/passwd',
          '__proto__',
          'a\nb"c',
          '%',
          '_',
          '{{ . }}',
        ]) {
          const document = JSON.parse(
            '{"__proto__": {"polluted": true}, "text": "\\u0000\\ud800"}',
          ) as unknown;
          await store.transact([put(nasty, document)]);
          expect((await store.get('thing', nasty))?.document).toEqual(document);
          expect((await store.get('thing', nasty))?.id).toBe(nasty);
        }
      });

      it('refuses ids that no database keeps as they are, and documents that are no JSON', async () => {
        for (const id of ['', 'a\0b', 'a\ud800']) {
          await expect(store.transact([put(id)])).rejects.toEqual(failsWith('invalid'));
          expect(await store.get('thing', id)).toBeUndefined();
        }
        await expect(store.transact([put('a', () => 'no JSON')])).rejects.toThrow(TypeError);
        expect(await store.sequence()).toBe(0);
      });

      it('has after opening it again what it had before', async () => {
        await store.transact([put('a', { n: 1 }, { labels: { l: 'v' } }), put('b')]);
        await store.transact([remove('b')]);
        const before = await store.get('thing', 'a');
        await store.close();
        store = await openStore();
        expect(await store.get('thing', 'a')).toEqual(before);
        expect(await store.count('thing')).toBe(1);
        expect(await store.sequence()).toBe(3);
        expect((await store.transact([put('c')]))[0]).toMatchObject({ sequence: 4 });
      });

      it('is refused after closing, as reading is', async () => {
        await store.close();
        await store.close();
        await expect(store.transact([put('a')])).rejects.toEqual(failsWith('storage-failed'));
        await expect(store.get('thing', 'a')).rejects.toEqual(failsWith('storage-failed'));
        await expect(store.check()).rejects.toEqual(failsWith('storage-failed'));
      });

      it('finishes what was asked before closing', async () => {
        const writes = Array.from({ length: 50 }, (_, n) => store.transact([put(`id-${n}`)]));
        await store.close();
        await Promise.all(writes);
        store = await openStore();
        expect(await store.count('thing')).toBe(50);
      });

      it('passes its own check', async () => {
        await expect(store.check()).resolves.toBeUndefined();
      });
    });

    describe('history', () => {
      const numbers = (page: Page<unknown>) => page.items.map(({ revision }) => revision);
      const save = (n: number, history?: number) =>
        store.transact([put('a', { n }, history === undefined ? {} : { history })], {
          author: `author-${n}`,
        });

      it('keeps each revision whole: document, labels, author and time', async () => {
        await store.transact([put('a', { n: 1 }, { labels: { l: '1' }, history: 10 })], { author: 'ada' });
        const first = await store.get('thing', 'a');
        clock.time += 1000;
        await store.transact([put('a', { n: 2 }, { labels: { l: '2' }, history: 10 })]);
        const second = await store.get('thing', 'a');
        expect(first).toMatchObject({ author: 'ada', document: { n: 1 }, labels: { l: '1' } });
        expect(second).toMatchObject({
          author: null,
          createdAt: '2026-01-01T00:00:00.000Z',
          updatedAt: '2026-01-01T00:00:01.000Z',
        });
        expect(await store.history('thing', 'a')).toEqual({ items: [second, first], next: null });
        expect(await store.revision('thing', 'a', 1)).toEqual(first);
        expect(await store.revision('thing', 'a', 2)).toEqual(second);
        for (const revision of [0, 3, -1, 1.5, NaN, Infinity]) {
          expect(await store.revision('thing', 'a', revision)).toBeUndefined();
        }
      });

      it('tells the author in answers, lists and changes', async () => {
        const [answer] = await store.transact([put('a')], { author: 'ada' });
        expect(answer?.author).toBe('ada');
        expect((await store.list('thing')).items[0]?.author).toBe('ada');
        const stop = new AbortController();
        for await (const change of store.watch({ after: 0, signal: stop.signal })) {
          expect(change.object.author).toBe('ada');
          break;
        }
        const [deleted] = await store.transact([remove('a')], { author: 'bob' });
        expect(deleted?.author).toBe('ada');
        for (const author of ['', 'a\0b', '\ud800']) {
          await expect(store.transact([put('a')], { author })).rejects.toEqual(failsWith('invalid'));
        }
      });

      it('goes back page by page, newest first, whatever is written in between', async () => {
        for (let n = 1; n <= 25; n++) await save(n, 100);
        const first = await store.history('thing', 'a', { limit: 10 });
        expect(numbers(first)).toEqual([25, 24, 23, 22, 21, 20, 19, 18, 17, 16]);
        await save(26, 100);
        const second = await store.history('thing', 'a', { limit: 10, cursor: first.next ?? '' });
        expect(numbers(second)).toEqual([15, 14, 13, 12, 11, 10, 9, 8, 7, 6]);
        const third = await store.history('thing', 'a', { limit: 5, cursor: second.next ?? '' });
        expect(numbers(third)).toEqual([5, 4, 3, 2, 1]);
        expect(third.next).toBeNull();
        expect(third.items[0]).toMatchObject({ document: { n: 5 }, author: 'author-5' });

        for (const options of [{ limit: 0 }, { limit: 501 }, { limit: 1.5 }]) {
          await expect(store.history('thing', 'a', options)).rejects.toEqual(failsWith('invalid'));
        }
        const { next } = await store.list('thing', { limit: 1 });
        expect(next).toBeNull();
        for (const cursor of ['', 'x', first.next ?? '']) {
          await expect(store.history('thing', 'b', { cursor })).rejects.toEqual(failsWith('invalid-cursor'));
        }
      });

      it('keeps the newest revisions only, and none that nobody asked for', async () => {
        await save(1);
        await save(2);
        expect(numbers(await store.history('thing', 'a'))).toEqual([2]);
        for (let n = 3; n <= 12; n++) await save(n, 5);
        expect(numbers(await store.history('thing', 'a'))).toEqual([12, 11, 10, 9, 8]);
        await save(13);
        expect(numbers(await store.history('thing', 'a'))).toEqual([13, 11, 10, 9, 8]);
        await save(14, 3);
        expect(numbers(await store.history('thing', 'a'))).toEqual([14, 13]);
        await save(15, 1);
        expect(numbers(await store.history('thing', 'a'))).toEqual([15]);
        for (const history of [0, -1, 1.5, NaN]) {
          await expect(save(16, history)).rejects.toEqual(failsWith('invalid'));
        }
      });

      it('keeps nothing of a transaction that fails', async () => {
        await save(1, 10);
        await expect(
          store.transact([put('a', { n: 2 }, { history: 10 }), put('a', {}, { expected: 1 })]),
        ).rejects.toEqual(failsWith('revision-mismatch'));
        expect(numbers(await store.history('thing', 'a'))).toEqual([1]);
        await store.transact([put('a', { n: 2 }, { history: 10 }), put('a', { n: 3 }, { history: 10 })]);
        expect(numbers(await store.history('thing', 'a'))).toEqual([3, 2, 1]);
      });

      it('goes with the object, touches no other, and begins anew with the next', async () => {
        await save(1, 10);
        await save(2, 10);
        await store.transact([
          { op: 'put', kind: 'other', id: 'a', document: {}, history: 10 },
          { op: 'put', kind: 'other', id: 'a', document: {}, history: 10 },
        ]);
        await store.transact([remove('a')]);
        expect(await store.history('thing', 'a')).toEqual({ items: [], next: null });
        expect(await store.revision('thing', 'a', 1)).toBeUndefined();
        expect(numbers(await store.history('other', 'a'))).toEqual([2, 1]);
        await save(1, 10);
        expect(numbers(await store.history('thing', 'a'))).toEqual([1]);
      });

      it('is still there after opening again', async () => {
        for (let n = 1; n <= 1000; n++) await save(n, 1000);
        const before = await store.history('thing', 'a', { limit: 500 });
        await store.close();
        store = await openStore();
        expect(await store.history('thing', 'a', { limit: 500 })).toEqual(before);
        expect(await store.revision('thing', 'a', 1)).toMatchObject({ document: { n: 1 } });
      });
    });

    describe('documents of older versions', () => {
      const rename: DocumentUpgrade = {
        kind: 'thing',
        from: 1,
        upgrade: (document) => ({ name: (document as { title: string }).title }),
      };
      const greet: DocumentUpgrade = {
        kind: 'thing',
        from: 2,
        upgrade: (document) => ({ greeting: `Hello ${(document as { name: string }).name}` }),
      };

      it('are read as the newest version everywhere, and stored as it with the next put', async () => {
        await store.transact([put('a', { title: 'Ada' }, { history: 9 }), put('b', { title: 'Bob' })]);
        await store.transact([put('a', { title: 'Eve' }, { history: 9 })]);
        await store.transact([{ op: 'put', kind: 'other', id: 'o', document: { title: 'kept' } }]);
        await store.close();

        store = await openStore(undefined, [rename]);
        expect((await store.get('thing', 'a'))?.document).toEqual({ name: 'Eve' });
        await store.transact([put('a', { name: 'Zoe' }, { history: 9 })]);
        await store.close();

        store = await openStore(undefined, [greet, rename]);
        const hello = (whom: string) => ({ greeting: `Hello ${whom}` });
        expect((await store.list('thing')).items.map(({ document }) => document)).toEqual([
          hello('Zoe'),
          hello('Bob'),
        ]);
        expect((await store.history('thing', 'a')).items.map(({ document }) => document)).toEqual([
          hello('Zoe'),
          hello('Eve'),
          hello('Ada'),
        ]);
        expect((await store.get('other', 'o'))?.document).toEqual({ title: 'kept' });
        const stop = new AbortController();
        const seen: unknown[] = [];
        for await (const { object } of store.watch({ after: 0, kinds: ['thing'], signal: stop.signal })) {
          if (seen.push(object.document) === 4) break;
        }
        expect(seen).toEqual([hello('Ada'), hello('Bob'), hello('Eve'), hello('Zoe')]);
        expect((await store.transact([remove('b')]))[0]?.document).toEqual(hello('Bob'));
      });

      it('of a newer release are refused with both numbers at opening', async () => {
        await store.close();
        store = await openStore(undefined, [rename, greet]);
        await store.transact([put('a', {})]);
        await store.close();
        const newer = /"thing" in version 3.*up to version 2/;
        await expect(openStore(undefined, [rename])).rejects.toEqual(
          failsWith('document-newer', { message: expect.stringMatching(newer) as string }),
        );
        store = await openStore(undefined, [rename, greet]);
        expect(await store.count('thing')).toBe(1);
      });

      it('need upgrades without gaps', async () => {
        await store.close();
        for (const upgrades of [[greet], [rename, rename], [{ ...rename, from: 0 }]]) {
          await expect(openStore(undefined, upgrades)).rejects.toThrow('leave out and repeat none');
        }
      });
    });

    describe('listing', () => {
      const pages = async (limit: number, selector?: string) => {
        const items: StoredObject[] = [];
        let cursor: string | null = null;
        do {
          const page: Page<unknown> = await store.list('thing', {
            limit,
            ...(cursor === null ? {} : { cursor }),
            ...(selector === undefined ? {} : { selector: parseLabelSelector(selector) }),
          });
          expect(page.items.length).toBeLessThanOrEqual(limit);
          if (page.next !== null) expect(page.items).toHaveLength(limit);
          items.push(...page.items);
          cursor = page.next;
        } while (cursor !== null);
        return items;
      };

      it('goes through one kind in the byte order of the ids, page by page', async () => {
        const ids = ['b', 'a', 'B', 'ä', 'a/b', 'a-b', 'aa', '\u{1F600}', '\uFFFD', '10', '9', ' '];
        await create(...ids);
        await store.transact([{ op: 'put', kind: 'thin', id: 'x', document: {} }]);
        await store.transact([{ op: 'put', kind: 'things', id: 'y', document: {} }]);
        const expected = ids.toSorted(byBytes);
        for (const limit of [1, 5, 11, 12, 13, 500]) {
          expect((await pages(limit)).map(({ id }) => id)).toEqual(expected);
        }
        const all: string[] = [];
        for await (const { id } of store.all('thing')) all.push(id);
        expect(all).toEqual(expected);
        expect(await store.count('thing')).toBe(12);
        expect(await store.count('nothing')).toBe(0);
        expect(await store.list('nothing')).toEqual({ items: [], next: null });
      });

      it('has pages of 100, and `all` goes beyond a page', async () => {
        const ids = Array.from({ length: 1203 }, (_, n) => `id-${String(n).padStart(5, '0')}`);
        await create(...ids);
        expect((await store.list('thing')).items).toHaveLength(100);
        const all: string[] = [];
        for await (const { id } of store.all('thing')) all.push(id);
        expect(all).toEqual(ids);
        expect((await pages(500)).map(({ id }) => id)).toEqual(ids);
      });

      it('misses and repeats nothing that stays while others come and go between the pages', async () => {
        await create('b', 'd', 'f', 'h');
        const first = await store.list('thing', { limit: 2 });
        await store.transact([remove('d'), put('a'), put('e')]);
        const second = await store.list('thing', { limit: 10, cursor: first.next ?? '' });
        expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(['b', 'd', 'e', 'f', 'h']);
        expect(second.next).toBeNull();
      });

      it('filters by labels, in full pages', async () => {
        const objects = Array.from({ length: 2500 }, (_, n) => ({
          id: `id-${String(n).padStart(4, '0')}`,
          labels: {
            ...(n % 2 === 0 ? { env: 'prod' } : {}),
            ...(n % 3 === 0 ? { tier: n % 6 === 0 ? 'a' : 'b' } : {}),
            ...(n === 2499 ? { 'example.org/rare': 'yes' } : {}),
          } as Record<string, string>,
        }));
        await store.transact(objects.map(({ id, labels }) => put(id, {}, { labels })));
        for (const text of [
          '',
          'env=prod',
          'env!=prod',
          'tier in (a,b),env',
          '!tier,env=prod',
          'example.org/rare',
          'tier notin (a)',
          'env=none',
        ]) {
          const selector = parseLabelSelector(text);
          const expected = objects.filter(({ labels }) => matches(selector, labels)).map(({ id }) => id);
          expect({ text, ids: (await pages(99, text)).map(({ id }) => id) }).toEqual({ text, ids: expected });
        }
      });

      it('refuses cursors that it did not make and limits out of range', async () => {
        await create('a', 'b');
        const { next } = await store.list('thing', { limit: 1 });
        for (const cursor of ['', 'x', '../..', 'null', `${next}=`, 'A'.repeat(20_000)]) {
          await expect(store.list('thing', { cursor })).rejects.toEqual(
            failsWith('invalid-cursor', {
              category: 'malformed',
              errors: [expect.objectContaining({ parameter: 'cursor' })],
            }),
          );
        }
        await expect(store.list('other', { cursor: next ?? '' })).rejects.toEqual(
          failsWith('invalid-cursor'),
        );
        for (const limit of [0, -1, 501, 1.5, Number.NaN]) {
          await expect(store.list('thing', { limit })).rejects.toEqual(failsWith('invalid'));
        }
      });
    });

    describe('watching', () => {
      let stop: AbortController;
      beforeEach(() => {
        stop = new AbortController();
      });
      afterEach(() => {
        stop.abort();
      });

      /** The next `count` changes after `after`. */
      const take = async (count: number, after: number, kinds?: string[]): Promise<Change[]> => {
        const changes: Change[] = [];
        const options = { after, signal: stop.signal, ...(kinds ? { kinds } : {}) };
        for await (const change of store.watch(options)) {
          changes.push(change);
          if (changes.length === count) break;
        }
        return changes;
      };
      const brief = (changes: Change[]) =>
        changes.map(({ op, sequence, object }) => [op, sequence, object.id, object.revision]);

      it('tells every change after a sequence, with the object as it was then', async () => {
        await store.transact([put('a', { n: 1 })]);
        const [last] = await store.transact([put('a', { n: 2 })]);
        await store.transact([remove('a'), put('a', { n: 3 })]);
        const changes = await take(4, 0);
        expect(brief(changes)).toEqual([
          ['put', 1, 'a', 1],
          ['put', 2, 'a', 2],
          ['delete', 3, 'a', 2],
          ['put', 4, 'a', 1],
        ]);
        expect(changes.map(({ object }) => object.document)).toEqual([
          { n: 1 },
          { n: 2 },
          { n: 2 },
          { n: 3 },
        ]);
        expect(changes[2]?.object).toEqual(last);
        expect(brief(await take(1, 3))).toEqual([['put', 4, 'a', 1]]);
      });

      it('waits for what comes, only of the kinds asked for', async () => {
        const seen = take(2, 0, ['thing', 'other']);
        await store.transact([{ op: 'put', kind: 'noise', id: 'x', document: {} }, put('a')]);
        for (let n = 0; n < 5; n++)
          await store.transact([{ op: 'put', kind: 'noise', id: `x${n}`, document: {} }]);
        await store.transact([{ op: 'put', kind: 'other', id: 'b', document: {} }]);
        expect(brief(await seen)).toEqual([
          ['put', 2, 'a', 1],
          ['put', 8, 'b', 1],
        ]);
      });

      it('tells several watchers everything once and in order while many write, from wherever they resume', async () => {
        const total = 607;
        await create('1', '2', '3', '4', '5', '6', '7');
        const watchers = [take(total, 0), take(total - 7, 7), take(total, 0, ['thing'])];
        const restless = (async () => {
          const changes: Change[] = [];
          while (changes.length < total && !stop.signal.aborted) {
            changes.push(
              ...(await take(Math.min(37, total - changes.length), changes.at(-1)?.sequence ?? 0)),
            );
          }
          return changes;
        })();
        await Promise.all(
          Array.from({ length: 12 }, async (_, writer) => {
            for (let n = 0; n < 25; n++) {
              await store.transact([put(`${writer}-${n}`), put('shared', { writer, n })]);
            }
          }),
        );
        for (const [index, changes] of (await Promise.all([...watchers, restless])).entries()) {
          const from = index === 1 ? 8 : 1;
          expect(changes.map(({ sequence }) => sequence)).toEqual(
            Array.from({ length: total - from + 1 }, (_, n) => from + n),
          );
        }
        expect(await store.sequence()).toBe(total);
      });

      it('is not held up by a watcher that does not read on', async () => {
        const slow = store.watch({ after: 0, signal: stop.signal })[Symbol.asyncIterator]();
        await create('a');
        await slow.next();
        const quick = take(301, 0);
        for (let n = 0; n < 300; n++) await store.transact([put(`id-${n}`)]);
        expect(await quick).toHaveLength(301);
        for (let n = 0; n < 300; n++) expect((await slow.next()).value).toMatchObject({ sequence: n + 2 });
      });

      it('ends on abort and when the store closes', async () => {
        const aborted = take(1, 0);
        stop.abort();
        expect(await aborted).toEqual([]);
        expect(await take(1, 0)).toEqual([]);

        const other = new AbortController();
        const closed = (async () => {
          for await (const change of store.watch({ after: 0, signal: other.signal })) return change;
          return 'ended';
        })();
        await store.close();
        expect(await closed).toBe('ended');
      });

      it('says so when the log does not reach back, and never skips silently', async () => {
        await store.close();
        store = await openStore(100);
        const idle = take(1, 0, ['rare']);
        const behind = store.watch({ after: 0, signal: stop.signal })[Symbol.asyncIterator]();
        await create('first');
        await behind.next();
        for (let n = 0; n < 10; n++) {
          await store.transact(Array.from({ length: 100 }, (_, m) => put(`id-${n}-${m}`)));
        }
        const compacted = failsWith('compacted', { category: 'conflict' });
        await expect(take(1, 0)).rejects.toEqual(compacted);
        const head = await store.sequence();
        expect(await take(100, head - 100)).toHaveLength(100);
        await expect(take(1, head + 1)).rejects.toEqual(compacted);

        await expect(
          (async () => {
            for (let n = 0; n < 1001; n++) await behind.next();
          })(),
        ).rejects.toEqual(compacted);

        await store.transact([{ op: 'put', kind: 'rare', id: 'r', document: {} }]);
        expect(brief(await idle)).toEqual([['put', head + 1, 'r', 1]]);
      });
    });
  });
}
