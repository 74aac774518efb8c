import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Clock } from '../../src/platform/clock.js';
import { pendingOperation, succeeded } from '../../src/platform/operations/operation.js';
import type { ObjectStore } from '../../src/platform/store/object-store.js';
import { RetentionLoop, type RetentionRule } from '../../src/platform/store/retention-loop.js';
import { openSqliteObjectStore } from '../../src/platform/store/sqlite/sqlite-object-store.js';
import { retentionRules } from '../../src/roles/gateway/retention.js';
import { eventually } from '../support/eventually.js';
import { tempDir } from '../support/temp-dir.js';

const DAY = 24 * 3_600_000;

class ManualClock extends Clock {
  time = Date.UTC(2026, 0, 1);
  override now(): number {
    return this.time;
  }
}

interface Setup {
  store: ObjectStore;
  clock: ManualClock;
  pruned: [string, number][];
  errors: string[];
  loop: (rules: RetentionRule<never>[], more?: { interval?: number; firstAfter?: number }) => RetentionLoop;
}

async function setup(): Promise<Setup> {
  const clock = new ManualClock();
  const store = await openSqliteObjectStore({ file: join(await tempDir(), 'store.db'), clock });
  onTestFinished(() => store.close());
  const pruned: [string, number][] = [];
  const errors: string[] = [];
  return {
    store,
    clock,
    pruned,
    errors,
    loop: (rules, more = {}) => {
      const loop = new RetentionLoop({
        store,
        clock,
        rules,
        onPruned: (...what) => pruned.push(what),
        onError: (kind, message) => errors.push(`${kind}: ${message}`),
        ...more,
      });
      onTestFinished(() => loop.stop());
      return loop;
    },
  };
}

const put = (id: string, document: unknown = {}, kind = 'thing') =>
  ({ op: 'put', kind, id, document }) as const;

async function ids(store: ObjectStore, kind = 'thing'): Promise<string[]> {
  const found: string[] = [];
  for await (const { id } of store.all(kind)) found.push(id);
  return found;
}

describe('retention', () => {
  it('deletes what is old, by the last write unless told otherwise, and writes nothing when there is nothing', async () => {
    const { store, clock, pruned, loop } = await setup();
    await store.transact([put('old'), put('touched'), put('other', {}, 'other')]);
    clock.time += 10 * DAY;
    await store.transact([put('touched'), put('new')]);
    const pruning = loop([{ kind: 'thing', keepFor: 10 * DAY }]);
    await pruning.prune();
    expect(await ids(store)).toEqual(['new', 'old', 'touched']);
    clock.time += 1;
    await pruning.prune();
    expect(await ids(store)).toEqual(['new', 'touched']);
    expect(await ids(store, 'other')).toEqual(['other']);
    const sequence = await store.sequence();
    await pruning.prune();
    clock.time -= 3_600_000;
    await pruning.prune();
    expect(await store.sequence()).toBe(sequence);
    expect(pruned).toEqual([['thing', 1]]);
  });

  it('keeps a number of the newest, not counting what may not go', async () => {
    const { store, loop } = await setup();
    const at = (n: number) => new Date(Date.UTC(2026, 0, 1) + n * 1000).toISOString();
    for (let n = 0; n < 450; n++) {
      await store.transact([put(`id-${String((n * 7) % 450).padStart(3, '0')}`, { at: at((n * 7) % 450) })]);
    }
    const rule: RetentionRule<{ at: string }> = {
      kind: 'thing',
      keepCount: 2,
      mayGo: ({ id }) => id !== 'id-000',
      timeOf: ({ document }) => document.at,
    };
    await loop([rule]).prune();
    expect(await ids(store)).toEqual(['id-000', 'id-448', 'id-449']);
  });

  it('leaves what changes while it looks, and goes on with the rest', async () => {
    const { store, clock, loop, pruned, errors } = await setup();
    await store.transact(Array.from({ length: 150 }, (_, n) => put(`id-${n}`)));
    clock.time += DAY;
    const rule: RetentionRule = {
      kind: 'thing',
      keepFor: 1000,
      mayGo: async ({ id }) => {
        if (id === 'id-149') await store.transact([put('id-5', { changed: true })]);
        if (id === 'id-99') await store.transact([{ op: 'delete', kind: 'thing', id: 'id-98' }]);
        return true;
      },
    };
    await loop([rule]).prune();
    expect(await ids(store)).toEqual(['id-5']);
    expect(pruned).toEqual([['thing', 148]]);
    expect(errors).toEqual([]);
  });

  it('tells a rule that fails and follows the others', async () => {
    const { store, clock, loop, errors } = await setup();
    await store.transact([put('a'), put('b', {}, 'other')]);
    clock.time += DAY;
    const broken: RetentionRule = {
      kind: 'thing',
      keepFor: 1,
      mayGo: () => {
        throw new Error('broken');
      },
    };
    await loop([broken, { kind: 'other', keepFor: 1 }]).prune();
    expect(errors).toEqual(['thing: broken']);
    expect(await ids(store, 'other')).toEqual([]);
  });

  it('runs again and again until it is stopped', async () => {
    const { store, clock, loop } = await setup();
    const running = loop([{ kind: 'thing', keepFor: 1 }], { firstAfter: 1, interval: 5 });
    running.start();
    for (let round = 0; round < 3; round++) {
      await store.transact([put('a')]);
      clock.time += DAY;
      await eventually('the object is deleted', async () => (await store.count('thing')) === 0);
    }
    await running.stop();
    await store.transact([put('a')]);
    clock.time += DAY;
    await running.prune();
    expect(await store.count('thing')).toBe(1);
  });

  it('keeps operations that run and notifications that nobody has, whatever their age, and others for 30 days', async () => {
    const { store, clock, loop, errors } = await setup();
    const now = clock.timestamp();
    const running = pendingOperation('alerting.install', '/alerting', ['one'], now);
    const notification = { title: 't', createdAt: now };
    await store.transact([
      put('ended', succeeded(running, now), 'operation'),
      put('running', running, 'operation'),
      put('done', notification, 'notification'),
      put('posting', notification, 'notification'),
      put('posting', { endsAt: null }, 'notification-posting'),
    ]);
    const pruning = loop(retentionRules(store));
    clock.time += 30 * DAY;
    await pruning.prune();
    expect(await store.count('operation')).toBe(2);
    clock.time += 1;
    await pruning.prune();
    expect(errors).toEqual([]);
    expect(await ids(store, 'operation')).toEqual(['running']);
    expect(await ids(store, 'notification')).toEqual(['posting']);
    expect(await ids(store, 'notification-posting')).toEqual(['posting']);
  });
});
