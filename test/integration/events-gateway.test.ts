import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { EventReader } from '../support/event-reader.js';
import { GatewayUnderTest, killAllOf } from '../support/gateway.js';

const endpoint = (name: string): object => ({
  name,
  type: 'webhook',
  webhook: {
    url: `https://example.org/${name}`,
    http_config: { authorization: { credentials: 'hunter2' } },
  },
});

/** Gateways on one data directory, without a backend. */
async function directory(): Promise<() => Promise<GatewayUnderTest>> {
  const dataDir = await mkdtemp(join(tmpdir(), 'opni-events-'));
  onTestFinished(async () => {
    await killAllOf(dataDir);
    await rm(dataDir, { recursive: true, force: true });
  });
  return () => GatewayUnderTest.start({ dataDir, env: { OPNI_BOOTSTRAP_INSTALL: '' } });
}

async function read(gateway: GatewayUnderTest, lastEventId?: string): Promise<EventReader> {
  const options = lastEventId === undefined ? {} : { lastEventId };
  const reader = await EventReader.open(`${gateway.url}/api/v1/events?kinds=endpoint`, options);
  onTestFinished(() => reader.close());
  return reader;
}

describe('events of a gateway', () => {
  it.each(['stop', 'kill'] as const)('go on where they ended over a restart (%s)', async (how) => {
    const start = await directory();
    let gateway = await start();
    await gateway.request('PUT', '/api/v1/alerting/endpoints/a', { body: endpoint('a') });
    const first = await read(gateway);
    await first.until('the snapshot', ({ story }) => story.includes('snapshot-complete'));
    await gateway.request('PUT', '/api/v1/alerting/endpoints/b', { body: endpoint('b') });
    await first.until('the change', ({ story }) => story.includes('put b'));
    await gateway[how]();
    await first.until('the end', ({ ended }) => ended);
    expect(first.retries.length).toBe(how === 'stop' ? 2 : 1);

    gateway = await start();
    await gateway.request('DELETE', '/api/v1/alerting/endpoints/a');
    await gateway.request('PUT', '/api/v1/alerting/endpoints/c', { body: endpoint('c') });
    const second = await read(gateway, first.lastEventId);
    await second.until('the change', ({ story }) => story.includes('put c'));
    expect(second.story).toEqual(['delete a', 'put c']);
  });

  it('show what GET answers, and no secret', async () => {
    const gateway = await (await directory())();
    const { body } = await gateway.request('POST', '/api/v1/alerting/endpoints', { body: endpoint('a') });
    const reader = await read(gateway);
    await reader.until('the snapshot', ({ story }) => story.includes('snapshot-complete'));
    const [{ data } = { data: {} }] = reader.events;
    expect(data).toEqual({
      kind: 'endpoint',
      id: body['id'],
      revision: 1,
      object: await gateway.get(`/api/v1/alerting/endpoints/${String(body['id'])}`),
    });
    expect(JSON.stringify(reader.events)).not.toContain('hunter2');
  });

  it('are of the kinds that the API has', async () => {
    const gateway = await (await directory())();
    const { status, body } = await gateway.request('GET', '/api/v1/events?kinds=secret');
    expect(status).toBe(400);
    expect(body['detail']).toContain('endpoint, installation, notification, operation');
  });
});

describe('an Idempotency-Key at a gateway', () => {
  it.each(['stop', 'kill'] as const)('holds over a restart (%s)', async (how) => {
    const start = await directory();
    const post = (gateway: GatewayUnderTest) =>
      gateway.request('POST', '/api/v1/alerting/endpoints', {
        body: endpoint('a'),
        headers: { 'idempotency-key': 'one' },
      });
    let gateway = await start();
    const first = await post(gateway);
    expect(first.status).toBe(201);
    await gateway[how]();
    gateway = await start();
    const second = await post(gateway);
    expect(second).toMatchObject({ status: 201, body: first.body });
    for (const name of ['location', 'etag', 'content-type']) {
      expect(second.headers[name]).toBe(first.headers[name]);
    }
    const { items } = await gateway.get<{ items: unknown[] }>('/api/v1/alerting/endpoints');
    expect(items).toHaveLength(1);
  });
});
