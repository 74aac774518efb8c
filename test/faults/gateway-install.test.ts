import { beforeAll, describe, expect, it } from 'vitest';
import { setTimeout as delay } from 'node:timers/promises';
import { ALERTMANAGER_TIMEOUT_MS, alertmanagerBinaries } from '../support/alertmanager.js';
import { eventually } from '../support/eventually.js';
import {
  ALERTING,
  children,
  dataDirectory,
  member,
  MEMBER,
  startGateway,
  untilRunning,
  webhook,
  type Json,
  type ListeningGateway,
} from './gateway/harness.js';

beforeAll(async () => void (await alertmanagerBinaries()), ALERTMANAGER_TIMEOUT_MS);

/** Nothing is installed until a test asks for it. */
const EMPTY = { OPNI_BOOTSTRAP_INSTALL: '' };
const BOTH = [`${MEMBER}-companion`, `${MEMBER}-alertmanager`];

async function install(gateway: ListeningGateway): Promise<string> {
  const { status, body } = await gateway.call('PUT', `${ALERTING}/installation`, {});
  expect(status).toBe(202);
  return body['id'] as string;
}

function succeeded(gateway: ListeningGateway, id: string): Promise<Json> {
  return eventually(
    `operation ${id} succeeds`,
    async () => {
      const operation = await gateway.get(`/api/v1/operations/${id}`);
      if (operation['phase'] === 'failed') throw new Error(JSON.stringify(operation['error']));
      return operation['phase'] === 'succeeded' && operation;
    },
    30_000,
  );
}

/** What must hold after an installation that was cut short and resumed. */
async function expectInstalledOnce(gateway: ListeningGateway, id: string): Promise<void> {
  expect(await succeeded(gateway, id)).toMatchObject({ progress: 1, error: null });
  await untilRunning(gateway);
  expect((await gateway.get('/api/v1/operations')).items?.map((item) => item['id'])).toEqual([id]);
  expect(children(gateway.dataDir).map(({ name }) => name)).toEqual(BOTH);
  expect(await member(gateway)).toMatchObject({ inSync: true, lastError: null });
}

const moments: [string, (gateway: ListeningGateway) => unknown][] = [
  ['right after 202', () => undefined],
  ...[40, 120, 250, 400, 600, 800].map((after): [string, () => Promise<void>] => [
    `${after} ms after 202`,
    () => delay(after),
  ]),
  [
    'as soon as the companion runs',
    ({ dataDir }) => eventually('it runs', () => children(dataDir).length > 0),
  ],
  [
    'as soon as Alertmanager runs',
    ({ dataDir }) => eventually('both run', () => children(dataDir).some(({ name }) => name === BOTH[1])),
  ],
];

describe('kill -9 of the gateway in the middle of an installation', () => {
  it.each(moments)('%s: the next start completes the same operation', async (_, moment) => {
    const first = await startGateway(await dataDirectory(), EMPTY);
    const id = await install(first);
    await moment(first);
    await first.kill9();
    const second = await startGateway(first.dataDir, EMPTY);
    await expectInstalledOnce(second, id);
  });

  it('three times in a row: still the same operation and one Alertmanager', async () => {
    let gateway = await startGateway(await dataDirectory(), EMPTY);
    const id = await install(gateway);
    for (const more of [0, 1, 2]) {
      await eventually('it went on', () => children(gateway.dataDir).length >= Math.min(more, 2));
      await gateway.kill9();
      gateway = await startGateway(gateway.dataDir, EMPTY);
    }
    await expectInstalledOnce(gateway, id);
  });
});

describe('kill -9 of the gateway in the middle of 200 creations', () => {
  it.each([20, 90, 160])('after %i answers: everything that was acknowledged is there', async (enough) => {
    const first = await startGateway(await dataDirectory(), EMPTY);
    const acknowledged = new Map<string, string>();
    let killed: Promise<void> | undefined;
    const creations = Array.from({ length: 200 }, async (_unused, index) => {
      const name = `endpoint ${index}`;
      const { status, body } = await first.call(
        'POST',
        `${ALERTING}/endpoints`,
        webhook(name, `http://127.0.0.1:9/${index}`),
      );
      expect(status).toBe(201);
      acknowledged.set(body['id'] as string, name);
      if (acknowledged.size === enough) killed = first.kill9();
    });
    const outcomes = await Promise.allSettled(creations);
    await killed;
    expect(acknowledged.size).toBeGreaterThanOrEqual(enough);
    const cutShort = outcomes.filter((outcome) => outcome.status === 'rejected').length;
    expect(acknowledged.size + cutShort).toBe(200);

    const second = await startGateway(first.dataDir, EMPTY);
    const found = new Map<string, Json>();
    for (let cursor = ''; ;) {
      const page = await second.get(`${ALERTING}/endpoints?limit=100${cursor}`);
      for (const item of page.items ?? []) found.set(item['id'] as string, item);
      if (page['next'] === null) break;
      cursor = `&cursor=${encodeURIComponent(page['next'] as string)}`;
    }
    for (const [id, name] of acknowledged) expect(found.get(id)).toMatchObject({ name, revision: 1 });
    // One that was committed but not answered is there as a whole, or not at all; none is there twice.
    const names = [...found.values()].map((item) => item['name']);
    expect(new Set(names).size).toBe(names.length);
    for (const item of found.values()) {
      const index = Number((item['name'] as string).split(' ')[1]);
      expect(item).toMatchObject({ revision: 1, webhook: { url: `http://127.0.0.1:9/${index}` } });
    }
    const [id = ''] = acknowledged.keys();
    const changed = await second.call(
      'PUT',
      `${ALERTING}/endpoints/${id}`,
      webhook('new', 'http://127.0.0.1:9/'),
      {
        'if-match': '"1"',
      },
    );
    expect(changed).toMatchObject({ status: 200, body: { revision: 2, name: 'new' } });
  });
});
