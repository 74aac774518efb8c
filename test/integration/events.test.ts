import type { Server } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { shutdown } from '../../src/platform/http/create-app.js';
import type { EventStreamLimits } from '../../src/platform/events/event-stream-limits.js';
import { openKeyFile } from '../../src/platform/secrets/key-file.js';
import type { ObjectStore, Write } from '../../src/platform/store/object-store.js';
import { openSqliteObjectStore } from '../../src/platform/store/sqlite/sqlite-object-store.js';
import { eventually } from '../support/eventually.js';
import { EventReader, type EventReaderOptions } from '../support/event-reader.js';
import { startTestApp, type TestApp } from '../support/http.js';
import { tempDir } from '../support/temp-dir.js';
import { toyStoreModule } from '../support/toy-store.module.js';

interface House {
  store: ObjectStore;
  service: TestApp;
  put: (id: string, document?: object, kind?: string) => Promise<void>;
  remove: (id: string) => Promise<void>;
  read: (options?: EventReaderOptions & { query?: string }) => Promise<EventReader>;
}

async function house(
  options: { limits?: Partial<EventStreamLimits>; keepChanges?: number; env?: Record<string, string> } = {},
): Promise<House> {
  const directory = await tempDir();
  const { keepChanges, limits = {}, env = {} } = options;
  const store = await openSqliteObjectStore({
    file: join(directory, 'opni.db'),
    ...(keepChanges === undefined ? {} : { keepChanges }),
  });
  const sealer = await openKeyFile({ file: join(directory, 'secrets.key'), mayCreate: true });
  const service = await startTestApp(toyStoreModule({ store, sealer, limits }), {
    env: { OPNI_DATA_DIR: join(directory, 'data'), ...env },
    document: 'served',
  });
  const readers: EventReader[] = [];
  onTestFinished(async () => {
    for (const reader of readers) reader.close();
    await service.close();
    await store.close();
  });
  return {
    store,
    service,
    put: async (id, document = {}, kind = 'toy') => {
      await store.transact([{ op: 'put', kind, id, document }]);
    },
    remove: async (id) => {
      await store.transact([{ op: 'delete', kind: 'toy', id }]);
    },
    read: async ({ query = '', ...rest } = {}) => {
      const reader = await EventReader.open(`${service.url}/api/v1/events${query}`, rest);
      readers.push(reader);
      return reader;
    },
  };
}

const has =
  (story: string) =>
  (reader: EventReader): boolean =>
    reader.story.includes(story);

/** Writes that change `count` objects, in a few transactions. */
async function flood(store: ObjectStore, count: number, prefix: string, text = ''): Promise<void> {
  for (let from = 0; from < count; from += 500) {
    const writes = Array.from({ length: Math.min(500, count - from) }, (_, index): Write => ({
      op: 'put',
      kind: 'toy',
      id: `${prefix}${(from + index) % 50}`,
      document: { n: from + index, text },
    }));
    await store.transact(writes);
  }
}

describe('a new reader', () => {
  it('gets every object, snapshot-complete, and then what happens', async () => {
    const { read, put, remove } = await house();
    await put('b', { name: 'two' });
    await put('a', { name: 'one' });
    await put('x', {}, 'hidden');
    const reader = await read();
    await reader.until('the snapshot', has('snapshot-complete'));
    await put('a', { name: 'three' });
    await put('y', {}, 'hidden');
    await remove('b');
    await put('c');
    await reader.until('the last change', has('put c'));
    expect(reader.story).toEqual(['put a', 'put b', 'snapshot-complete', 'put a', 'delete b', 'put c']);
    expect(reader.response.statusCode).toBe(200);
    expect(reader.response.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-request-id': expect.any(String) as string,
    });
    expect(reader.events[3]?.data).toEqual({
      kind: 'toy',
      id: 'a',
      revision: 2,
      object: { id: 'a', revision: 2, name: 'three' },
    });
    expect(reader.events[4]?.data).toMatchObject({ revision: 1, object: { name: 'two' } });
    expect(new Set(reader.events.slice(2).map(({ id }) => id)).size).toBe(4);
  });

  it('sees every object once more or newer while somebody writes all the time', async () => {
    const { read, store, put } = await house();
    await flood(store, 50, 't');
    const writing = flood(store, 5_000, 't');
    const readers = await Promise.all([read(), read(), read()]);
    await writing;
    await put('end');
    for (const reader of readers) {
      await reader.until('the end', has('put end'));
      const revisions = new Map<string, number>();
      for (const { data } of reader.events) {
        if (data.id === undefined) continue;
        expect(data.revision).toBeGreaterThan(revisions.get(data.id) ?? 0);
        revisions.set(data.id, data.revision ?? 0);
      }
      expect(revisions.get('t0')).toBe(101);
      expect(revisions.get('t49')).toBe(101);
    }
  });

  it('asks for kinds by the nouns of paths; others are refused by name', async () => {
    const { read, put, service } = await house();
    await put('a');
    const reader = await read({ query: '?kinds=toy' });
    await reader.until('the snapshot', has('put a'));
    for (const kinds of ['hidden', 'toy,nothing', '', 'toys']) {
      const { body } = await service.api.get(`/api/v1/events?kinds=${kinds}`).expect(400);
      expect(body).toMatchObject({
        code: 'invalid-parameter',
        errors: [{ parameter: 'kinds', code: 'unknown-kind' }],
      });
    }
    await service.api.get('/api/v1/events?kind=toy').expect(400);
    await service.api.head('/api/v1/events').expect(200);
  });

  it('needs a token where one is asked for', async () => {
    const { service } = await house({ env: { OPNI_AUTH_MODE: 'token' } });
    await service.stranger.get('/api/v1/events').expect(401);
  });
});

describe('a reader that comes back', () => {
  it('goes on after its last event, wherever that was', async () => {
    const { read, put, remove } = await house();
    await put('a');
    const first = await read();
    await first.until('the snapshot', has('snapshot-complete'));
    await put('b');
    await put('x', {}, 'hidden');
    await remove('a');
    await put('c');
    await first.until('the last change', has('put c'));
    first.close();
    await put('d');
    const after = first.events.slice(1);
    for (const [index, { id }] of after.entries()) {
      const reader = await read({ lastEventId: id });
      await reader.until('the newest change', has('put d'));
      expect(reader.story).toEqual(['put b', 'delete a', 'put c', 'put d'].slice(index));
    }
  });

  it('goes on from an empty store', async () => {
    const { read, put } = await house();
    const first = await read();
    await first.until('the snapshot', has('snapshot-complete'));
    first.close();
    await put('a');
    const second = await read({ lastEventId: first.lastEventId });
    await second.until('the change', has('put a'));
    expect(second.story).toEqual(['put a']);
  });

  it('starts over when it left before the snapshot was complete', async () => {
    const { read, put } = await house();
    await put('a');
    await put('b');
    const first = await read();
    await first.until('the snapshot', has('snapshot-complete'));
    const second = await read({ lastEventId: first.events[0]?.id ?? '' });
    await second.until('the snapshot', has('snapshot-complete'));
    expect(second.story).toEqual(['resync', 'put a', 'put b', 'snapshot-complete']);
  });

  it('starts over when its place is not in the log any more', async () => {
    const { read, put, store } = await house({ keepChanges: 100 });
    await put('a');
    const first = await read();
    await first.until('the snapshot', has('snapshot-complete'));
    first.close();
    for (let round = 0; round < 3; round += 1) await flood(store, 500, 't');
    const second = await read({ lastEventId: first.lastEventId });
    await second.until('the snapshot', has('snapshot-complete'));
    expect(second.story).toHaveLength(53);
    expect(second.events[0]).toMatchObject({ event: 'resync', data: { reason: 'compacted' } });
    await put('b');
    await second.until('what comes then', has('put b'));
  });

  it('starts over with an id of another store, of other kinds, or of nobody', async () => {
    const [here, there] = [await house(), await house()];
    for (const { put } of [here, there]) {
      await put('a');
      await put('b');
    }
    const foreign = await there.read();
    await foreign.until('the snapshot', has('snapshot-complete'));
    const ofKinds = await here.read();
    await ofKinds.until('the snapshot', has('snapshot-complete'));
    const lastEventIds = [
      foreign.lastEventId,
      'garbage',
      '12345',
      Buffer.from('1:2:begin:00000000').toString('base64url'),
      'ü\u00ff',
    ];
    for (const lastEventId of lastEventIds) {
      const reader = await here.read({ lastEventId });
      await reader.until('the snapshot', has('snapshot-complete'));
      expect(reader.story).toEqual(['resync', 'put a', 'put b', 'snapshot-complete']);
      expect(reader.events[0]?.data.reason).toBe('foreign-id');
    }
  });
});

describe('a reader that does not read', () => {
  const text = 'x'.repeat(4_000);

  it('starts over after a long stall, and holds nobody up meanwhile', async () => {
    const limits = { holdMs: 20, stallMs: 100, lag: 500 };
    const { read, store, put } = await house({ limits });
    const [slow, quick] = [await read(), await read()];
    await slow.until('the snapshot', has('snapshot-complete'));
    slow.pause();
    await flood(store, 10_000, 't', text);
    await put('end');
    await quick.until('everything', has('put end'), 60_000);
    expect(quick.events).toHaveLength(10_002);
    slow.resume();
    await slow.until('everything', has('put end'), 60_000);
    const resync = slow.story.lastIndexOf('resync');
    expect(slow.events[resync]?.data.reason).toBe('too-slow');
    const snapshot = slow.events.slice(resync + 1, slow.story.lastIndexOf('snapshot-complete'));
    expect(snapshot.filter(({ data }) => data.id?.startsWith('t'))).toHaveLength(50);
    expect(slow.events.length).toBeLessThan(10_000);
  });

  it('misses nothing when the stall was short', async () => {
    const { read, store, put } = await house();
    const slow = await read();
    await slow.until('the snapshot', has('snapshot-complete'));
    slow.pause();
    await flood(store, 5_000, 't', text);
    await put('end');
    slow.resume();
    await slow.until('everything', has('put end'), 60_000);
    expect(slow.story).not.toContain('resync');
    expect(slow.events).toHaveLength(5_002);
  });

  it('starts over when the log went on without it', async () => {
    const { read, store, put } = await house({ keepChanges: 500, limits: { holdMs: 20 } });
    const slow = await read();
    await slow.until('the snapshot', has('snapshot-complete'));
    slow.pause();
    await flood(store, 10_000, 't', text);
    await put('end');
    slow.resume();
    await slow.until('everything', has('put end'), 60_000);
    const resync = slow.events.findLast(({ event }) => event === 'resync');
    expect(resync?.data.reason).toBe('compacted');
  });

  it('is disconnected in the end', async () => {
    const { read, store, service } = await house({ limits: { holdMs: 20, closeAfterMs: 200 } });
    const slow = await read();
    await slow.until('the snapshot', has('snapshot-complete'));
    slow.pause();
    await flood(store, 10_000, 't', text);
    const server = service.app.getHttpServer() as Server;
    await eventually('its connection is closed', async () => {
      return (
        (await new Promise<number>((resolve) => server.getConnections((_, open) => resolve(open)))) === 0
      );
    });
  });
});

describe('a stream', () => {
  it('reaches 100 readers, each with everything in order', async () => {
    const { read, store, put } = await house();
    const readers = await Promise.all(Array.from({ length: 100 }, () => read()));
    await Promise.all(
      readers.map((reader) => reader.until('the snapshot', has('snapshot-complete'), 30_000)),
    );
    await flood(store, 1_000, 't');
    await put('end');
    for (const reader of readers) {
      await reader.until('the end', has('put end'), 30_000);
      const numbers = reader.events.slice(1, -1).map(({ data }) => data.object?.['n']);
      expect(numbers).toEqual(Array.from({ length: 1_000 }, (_, index) => index));
    }
  });

  it('beats while nothing happens', async () => {
    const { read } = await house({ limits: { heartbeatMs: 20 } });
    const reader = await read();
    await reader.until('three heartbeats', ({ comments }) => comments.length >= 3);
    expect(new Set(reader.comments)).toEqual(new Set(['heartbeat']));
  });

  it('ends with a hint when the service stops, and holds nobody up', async () => {
    const { read, service } = await house();
    const readers = [await read(), await read()];
    await Promise.all(readers.map((reader) => reader.until('the snapshot', has('snapshot-complete'))));
    expect(await shutdown(service.app, 10_000)).toBe(true);
    for (const reader of readers) {
      await reader.until('the end', ({ ended }) => ended);
      expect(reader.retries).toHaveLength(2);
      expect(reader.retries.every((retry) => retry >= 1_000 && retry <= 5_000)).toBe(true);
      expect(reader.response.complete).toBe(true);
    }
  });

  it('is refused when there are too many', async () => {
    const { read, service } = await house({ limits: { readers: 2 } });
    const [first] = [await read(), await read()];
    const { body, headers } = await service.api.get('/api/v1/events').expect(503);
    expect(body).toMatchObject({ code: 'too-many-readers' });
    expect(headers['retry-after']).toBe('10');
    first.close();
    await (await read()).until('the snapshot', has('snapshot-complete'));
  });
});
