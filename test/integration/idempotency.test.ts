import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Response } from 'supertest';
import { Clock } from '../../src/platform/clock.js';
import { PublicKinds } from '../../src/platform/events/public-kinds.js';
import { IdempotencyKeys } from '../../src/platform/http/idempotency/idempotency-keys.js';
import { fingerprintOf, IDEMPOTENCY_KIND } from '../../src/platform/http/idempotency/idempotency-record.js';
import { openKeyFile } from '../../src/platform/secrets/key-file.js';
import type { Sealer } from '../../src/platform/secrets/sealer.js';
import type { ObjectStore } from '../../src/platform/store/object-store.js';
import { RetentionLoop } from '../../src/platform/store/retention-loop.js';
import { openSqliteObjectStore } from '../../src/platform/store/sqlite/sqlite-object-store.js';
import { retentionRules } from '../../src/roles/gateway/retention.js';
import { eventually } from '../support/eventually.js';
import { startTestApp, type TestApp } from '../support/http.js';
import { tempDir } from '../support/temp-dir.js';
import { toyAnswer, toyStoreModule, type ToySteps } from '../support/toy-store.module.js';

interface House {
  store: ObjectStore;
  sealer: Sealer;
  steps: ToySteps;
  api: TestApp['api'];
  /** Another application on the same store: what runs after a crash, or beside. */
  again: () => Promise<TestApp['api']>;
}

async function house(env: Record<string, string> = {}): Promise<House> {
  const directory = await tempDir();
  const store = await openSqliteObjectStore({ file: join(directory, 'opni.db') });
  const sealer = await openKeyFile({ file: join(directory, 'secrets.key'), mayCreate: true });
  const steps: ToySteps = { before: [], after: [], runs: 0 };
  const services: TestApp[] = [];
  const again = async (): Promise<TestApp['api']> => {
    const service = await startTestApp(toyStoreModule({ store, sealer, steps }), {
      env: { OPNI_DATA_DIR: join(directory, 'data'), ...env },
      document: 'served',
    });
    services.push(service);
    return service.api;
  };
  onTestFinished(async () => {
    await Promise.all(services.map((service) => service.close()));
    await store.close();
  });
  return { store, sealer, steps, api: await again(), again };
}

function post(api: TestApp['api'], key: string, body: object = { name: 'a' }, query = ''): Promise<Response> {
  return api
    .post(`/api/v1/toys${query}`)
    .set('idempotency-key', key)
    .send(body)
    .then((response) => response);
}

/** A step that the handler stays in until `go`. */
function gate(): { step: () => Promise<void>; reached: () => Promise<unknown>; go: () => void } {
  let isReached = false;
  let go = (): void => undefined;
  const open = new Promise<void>((resolve) => (go = resolve));
  return {
    step: () => {
      isReached = true;
      return open;
    },
    reached: () => eventually('the handler to come so far', () => isReached),
    go: () => go(),
  };
}

const seen = ({ status, body, headers }: Response): unknown => ({
  status,
  body: body as unknown,
  etag: headers['etag'],
  location: headers['location'],
  type: headers['content-type'],
});

describe('a repeated creation', () => {
  it('is answered the same and creates once, also by the next process', async () => {
    const { api, again, store } = await house();
    const first = await post(api, 'k1');
    expect(first.status).toBe(201);
    expect(first.headers['etag']).toBe('"1"');
    expect(first.headers['idempotency-replayed']).toBeUndefined();
    const second = await post(api, 'k1');
    const third = await post(await again(), 'k1');
    for (const repeated of [second, third]) {
      expect(seen(repeated)).toEqual(seen(first));
      expect(repeated.headers['idempotency-replayed']).toBe('true');
    }
    expect(await store.count('toy')).toBe(1);
  });

  it('stays the same when the object has been changed or deleted since', async () => {
    const { api, store } = await house();
    const first = await post(api, 'k1');
    const { id } = first.body as { id: string };
    await store.transact([{ op: 'put', kind: 'toy', id, document: { name: 'b' } }]);
    expect(seen(await post(api, 'k1'))).toEqual(seen(first));
    await store.transact([{ op: 'delete', kind: 'toy', id }]);
    expect(seen(await post(api, 'k1'))).toEqual(seen(first));
    expect(await store.count('toy')).toBe(0);
  });

  it('takes bodies that are equal as JSON for the same, and refuses others and other queries', async () => {
    const { api, store } = await house();
    await post(api, 'k1', { name: 'a', nested: { x: 1, y: [1, 2] } });
    expect((await post(api, 'k1', { nested: { y: [1, 2], x: 1 }, name: 'a' })).status).toBe(201);
    for (const other of [
      await post(api, 'k1', { name: 'a', nested: { x: 1, y: [2, 1] } }),
      await post(api, 'k1', { name: 'a', nested: { x: 1, y: [1, 2] } }, '?force=true'),
    ]) {
      expect(other.status).toBe(422);
      expect(other.body).toMatchObject({ code: 'idempotency-key-reused' });
    }
    expect(await store.count('toy')).toBe(1);
  });

  it('is one creation for each key, and without a key each time one', async () => {
    const { api, store } = await house();
    await post(api, 'k1');
    await post(api, 'k2');
    await api.post('/api/v1/toys').send({ name: 'a' }).expect(201);
    await api.post('/api/v1/toys').send({ name: 'a' }).expect(201);
    expect(await store.count('toy')).toBe(4);
  });

  it('never shows a secret again, nor keeps it', async () => {
    const { api, store } = await house();
    const first = await post(api, 'k1', { withSecret: true });
    expect(first.body).toMatchObject({ secret: 'shown once' });
    const second = await post(api, 'k1', { withSecret: true });
    expect(second.body).toEqual({ ...(first.body as object), secret: null });
    for await (const record of store.all(IDEMPOTENCY_KIND)) {
      expect(JSON.stringify(record)).not.toContain('shown once');
    }
  });
});

describe('a key', () => {
  it.each([
    ['empty', ''],
    ['too long', 'k'.repeat(256)],
    ['not ASCII', 'schlüssel'],
  ])('is refused when it is %s', async (_what, key) => {
    const { api, store } = await house();
    const answer = await post(api, key);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ code: 'malformed-idempotency-key' });
    expect(await store.count('toy')).toBe(0);
  });

  it('may have 255 characters', async () => {
    const { api } = await house();
    expect((await post(api, `${'k ~'.repeat(84)}abc`)).status).toBe(201);
  });

  it('is not used up by a request that created nothing', async () => {
    const { api, store, steps } = await house();
    steps.before.push(() => Promise.reject(new Error('a bug')));
    expect((await post(api, 'k1')).status).toBe(500);
    expect((await post(api, 'k1', { dry: true })).status).toBe(201);
    expect(await store.count(IDEMPOTENCY_KIND)).toBe(0);
    expect((await post(api, 'k1', { name: 'other' })).status).toBe(201);
    expect(await store.count('toy')).toBe(1);
  });

  it('is free for everybody else: it belongs to one principal', async () => {
    const { store, sealer } = await house();
    const keys = keysOf(store, sealer);
    const request = keyedRequest('alice');
    const execution = await keys.begin(request);
    expect(execution).toHaveProperty('revision');
    await expect(keys.begin(request)).rejects.toMatchObject({ code: 'in-progress' });
    expect(await keys.begin(keyedRequest('bob'))).toHaveProperty('revision');
  });
});

describe('a request that runs', () => {
  it('refuses its repetition, and tells when to try again', async () => {
    const { api, store, steps } = await house();
    const handler = gate();
    steps.before.push(handler.step);
    const first = post(api, 'k1');
    await handler.reached();
    const second = await post(api, 'k1');
    expect(second.status).toBe(409);
    expect(second.body).toMatchObject({ code: 'in-progress' });
    expect(second.headers['retry-after']).toBe('1');
    expect((await post(api, 'k1', { name: 'other' })).status).toBe(422);
    handler.go();
    expect((await first).status).toBe(201);
    expect(seen(await post(api, 'k1'))).toEqual(seen(await first));
    expect(await store.count('toy')).toBe(1);
  });

  it('creates once when twenty come at the same moment', async () => {
    const { api, store } = await house();
    const answers = await Promise.all(Array.from({ length: 20 }, () => post(api, 'k1')));
    const statuses = new Set(answers.map(({ status }) => status));
    expect(statuses.has(201)).toBe(true);
    expect([...statuses].every((status) => status === 201 || status === 409)).toBe(true);
    expect(await store.count('toy')).toBe(1);
  });

  it('keeps its answer although the client has gone', async () => {
    const { api, store, steps } = await house();
    const handler = gate();
    steps.before.push(handler.step);
    const first = api.post('/api/v1/toys').set('idempotency-key', 'k1').send({ name: 'a' });
    const left = first.then(
      () => 'answered',
      () => 'left',
    );
    await handler.reached();
    first.abort();
    handler.go();
    await eventually('the answer is kept', async () => {
      for await (const { document } of store.all<{ phase: string }>(IDEMPOTENCY_KIND)) {
        return document.phase === 'completed';
      }
    });
    expect((await post(api, 'k1')).status).toBe(201);
    expect(await store.count('toy')).toBe(1);
    void left;
  });
});

describe('after a crash', () => {
  it('a request that had created nothing runs again; the one before it may not create any more', async () => {
    const { api, again, store, steps } = await house();
    const handler = gate();
    steps.before.push(handler.step);
    const lost = post(api, 'k1');
    await handler.reached();
    const second = await post(await again(), 'k1');
    expect(second.status).toBe(201);
    expect(steps.runs).toBe(2);
    // The first process was not dead at all: its transaction is refused whole.
    handler.go();
    expect((await lost).body).toMatchObject({ code: 'in-progress' });
    expect(await store.count('toy')).toBe(1);
    expect(await store.count('hidden')).toBe(1);
    expect(seen(await post(api, 'k1'))).toEqual(seen(second));
  });

  it('a request that had created answers the object, without another run', async () => {
    const { api, again, store, steps } = await house();
    const handler = gate();
    steps.after.push(handler.step);
    const lost = post(api, 'k1');
    await handler.reached();
    const second = await post(await again(), 'k1');
    expect(second.status).toBe(201);
    const [toy] = (await store.list('toy')).items;
    expect(second.body).toEqual(toy && toyAnswer(toy));
    expect(second.headers['location']).toBe(`/api/v1/toys/${toy?.id}`);
    expect(second.headers['etag']).toBe('"1"');
    expect(steps.runs).toBe(1);
    handler.go();
    expect((await lost).status).toBe(201);
    expect(seen(await post(api, 'k1'))).toEqual(seen(second));
    expect(await store.count('toy')).toBe(1);
  });

  it('says so when the object has been removed since, rather than create another', async () => {
    const { api, again, store, steps } = await house();
    const handler = gate();
    steps.after.push(handler.step);
    const lost = post(api, 'k1');
    await handler.reached();
    const [toy] = (await store.list('toy')).items;
    await store.transact([{ op: 'delete', kind: 'toy', id: toy?.id ?? '' }]);
    const second = await post(await again(), 'k1');
    expect(second.status).toBe(409);
    expect(second.body).toMatchObject({ code: 'answer-lost' });
    handler.go();
    await lost;
    expect(await store.count('toy')).toBe(0);
  });

  it('the same holds when the handler failed after it had created', async () => {
    const { api, store, steps } = await house();
    steps.after.push(() => Promise.reject(new Error('a bug')));
    expect((await post(api, 'k1')).status).toBe(500);
    expect((await post(api, 'k1')).status).toBe(201);
    expect(await store.count('toy')).toBe(1);
  });
});

describe('after 24 hours', () => {
  it('a key is free again, and old records go', async () => {
    const { store, sealer } = await house();
    const clock = new ManualClock();
    const keys = keysOf(store, sealer, clock);
    for (const key of ['k1', 'k2', 'k3']) {
      const execution = await keys.begin(keyedRequest('alice', key));
      if ('body' in execution) throw new Error('it must run');
      execution.record = { ...execution.record, created: { kind: 'toy', id: key } };
      await keys.finish(execution, { status: 201, headers: {}, body: '{}' });
    }
    clock.time += 24 * 3_600_000 - 1;
    expect(await keys.begin(keyedRequest('alice', 'k1'))).toMatchObject({ status: 201, body: '{}' });
    clock.time += 3_600_001;
    expect(await keys.begin(keyedRequest('alice', 'k1'))).toHaveProperty('revision');
    const told = (kind: string, message: unknown): never => {
      throw new Error(`${kind}: ${String(message)}`);
    };
    const rules = retentionRules(store);
    await new RetentionLoop({ store, clock, rules, onPruned: () => undefined, onError: told }).prune();
    expect(await store.count(IDEMPOTENCY_KIND)).toBe(1);
  });
});

class ManualClock extends Clock {
  time = Date.parse('2026-01-01T00:00:00Z');

  override now(): number {
    return this.time;
  }
}

function keysOf(store: ObjectStore, sealer: Sealer, clock: Clock = new ManualClock()): IdempotencyKeys {
  return new IdempotencyKeys(store, sealer, clock, new PublicKinds());
}

function keyedRequest(subject: string, key = 'k1'): Parameters<IdempotencyKeys['begin']>[0] {
  return {
    subject,
    method: 'POST',
    path: '/api/v1/toys',
    key,
    fingerprint: fingerprintOf({}, { name: 'a' }),
    status: 201,
    etag: true,
    secretMembers: [],
  };
}
