import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openSqliteObjectStore } from '../../src/platform/store/sqlite/sqlite-object-store.js';
import { eventually } from '../support/eventually.js';
import { GatewayUnderTest, type GatewayAnswer, type Json, type Problem } from '../support/gateway.js';
import { tempDir } from '../support/temp-dir.js';

const ALERTING = '/api/v1/alerting';
const CONFIGURATION = `${ALERTING}/configuration`;
const INSTALLATION = `${ALERTING}/installation`;
const NOTHING = { OPNI_BOOTSTRAP_INSTALL: '' };

interface Document extends Json {
  revision: number;
  retention: string;
  controllers: { replicas: number };
}
interface Status extends Json {
  conditions: { type: string; status: string; message: string; observedGeneration: number }[];
}

async function start(
  options: { dataDir?: string; env?: Record<string, string> } = {},
): Promise<GatewayUnderTest> {
  const gateway = await GatewayUnderTest.start(options);
  onTestFinished(() => gateway.dispose());
  return gateway;
}

async function running(): Promise<GatewayUnderTest> {
  const gateway = await start();
  await gateway.untilRunning();
  return gateway;
}

async function pidOf(gateway: GatewayUnderTest): Promise<number> {
  const { items } = await gateway.get<{ items: { name: string; pid: number | null }[] }>(
    `${ALERTING}/members`,
  );
  expect(items.map(({ name }) => name)).toEqual(['controller-0']);
  return items[0]?.pid ?? Number.NaN;
}

const argumentsOf = (pid: number): string[] => readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');

async function notEnforced(gateway: GatewayUnderTest): Promise<Status['conditions'][0] | undefined> {
  const { conditions } = await gateway.get<Status>(`${ALERTING}/status`);
  return conditions.find(({ type }) => type === 'NotEnforced');
}

async function operationOf(gateway: GatewayUnderTest, { headers }: GatewayAnswer<unknown>): Promise<Json> {
  expect(headers['location']).toMatch(/^\/api\/v1\/operations\/\w+$/);
  return gateway.get(headers['location'] ?? '');
}

describe('while it runs', { timeout: 120_000 }, () => {
  it('changes of notification timing reach Alertmanager and restart nothing', async () => {
    const gateway = await running();
    const before = await gateway.request<Document>('GET', CONFIGURATION);
    expect([before.headers['etag'], before.body.revision]).toEqual(['"0"', 0]);
    const pid = await pidOf(gateway);
    const body = { notifications: { groupWait: { info: '77s' } } };

    const dry = await gateway.request('PATCH', `${CONFIGURATION}?dryRun=true`, { body });
    expect(dry.body).toMatchObject({
      diff: [{ op: 'replace', path: '/notifications/groupWait/info', value: '77s' }],
      impact: 'reload',
    });
    expect(JSON.stringify(dry.body['config'])).toContain('77s');
    expect(JSON.stringify(dry.body['manifests'])).toContain('--data.retention=120h');
    expect((await gateway.get<Document>(CONFIGURATION)).revision).toBe(0);

    const real = await gateway.request('PATCH', `${CONFIGURATION}?wait=30s`, { body });
    expect([real.status, real.headers['etag']], real.text).toEqual([200, '"1"']);
    expect(await operationOf(gateway, real)).toMatchObject({
      kind: 'alerting.configure',
      phase: 'succeeded',
    });
    const { config } = await gateway.get(`${ALERTING}/routing/config`);
    expect(config).toEqual(dry.body['config']);
    const { items } = await gateway.get<{ items: Json[] }>(`${ALERTING}/members`);
    expect(items).toEqual([expect.objectContaining({ pid, inSync: true })]);
    expect((await gateway.request('PATCH', `${CONFIGURATION}?dryRun=true`, { body })).body).toMatchObject({
      diff: [],
      impact: 'none',
    });
  });

  it('changes of retention and log level restart the member; a rollback brings the flags back', async () => {
    const gateway = await running();
    const pid = await pidOf(gateway);
    await gateway.request('PUT', CONFIGURATION, { body: {} });
    const body = { retention: '10d', logLevel: 'debug' };
    const dry = await gateway.request('PATCH', `${CONFIGURATION}?dryRun=true`, { body });
    expect(dry.body['impact']).toBe('restart');

    const changed = await gateway.request('PATCH', `${CONFIGURATION}?wait=60s`, { body });
    expect(changed.status, changed.text).toBe(200);
    const restarted = await pidOf(gateway);
    expect(restarted).not.toBe(pid);
    // Ten days: the flag knows no d.
    expect(argumentsOf(restarted)).toEqual(
      expect.arrayContaining(['--data.retention=864000000ms', '--log.level=debug']),
    );

    const back = await gateway.request('POST', `${CONFIGURATION}/rollback?wait=60s`, {
      body: { revision: 1 },
    });
    expect([back.status, back.body['revision'], back.body['retention']], back.text).toEqual([200, 3, '120h']);
    expect(argumentsOf(await pidOf(gateway))).toEqual(expect.arrayContaining(['--data.retention=120h']));
  });

  it('stores what the driver cannot do, and says so', async () => {
    const gateway = await running();
    expect(await notEnforced(gateway)).toMatchObject({ status: 'False', observedGeneration: 0 });
    const body = {
      workers: { replicas: 2 },
      controllers: { replicas: 3 },
      cluster: { gossipInterval: '50ms' },
      storage: { size: '5Gi' },
      version: '0.30.0',
    };
    const answer = await gateway.request<Document>('PATCH', `${CONFIGURATION}?wait=30s`, { body });
    expect([answer.status, answer.body.controllers.replicas], answer.text).toEqual([200, 3]);
    const condition = await notEnforced(gateway);
    expect(condition).toMatchObject({ status: 'True', observedGeneration: 1 });
    expect(condition?.message.match(/\/[a-z/]+(?=:)/gi)).toEqual([
      '/version',
      '/controllers/replicas',
      '/workers/replicas',
      '/cluster/gossipInterval',
      '/storage/size',
    ]);
    await pidOf(gateway);
    await gateway.request('POST', `${CONFIGURATION}/reset`, { body: {} });
    expect(await notEnforced(gateway)).toMatchObject({ status: 'False', observedGeneration: 2 });
  });

  it('a rollout that was cut off by kill -9 goes on after the restart', async () => {
    const dataDir = await tempDir();
    const first = await start({ dataDir });
    await first.untilRunning();
    const changed = await first.request('PATCH', CONFIGURATION, { body: { retention: '99h' } });
    expect(changed.status).toBe(200);
    await first.kill();
    const second = await start({ dataDir });
    await eventually(
      'the operation ends',
      async () => (await operationOf(second, changed))['phase'] === 'succeeded',
      60_000,
    );
    expect(argumentsOf(await pidOf(second))).toContain('--data.retention=99h');
    expect((await second.get<Document>(CONFIGURATION)).revision).toBe(1);
  });

  it('remembers who changed it, and when', async () => {
    const gateway = await start({ env: NOTHING });
    const written = await gateway.request<Document>('PATCH', CONFIGURATION, {
      body: { retention: '48h' },
      headers: { 'content-type': 'application/merge-patch+json' },
    });
    expect(written.body['author']).toBe('anonymous');
    const { items } = await gateway.get<{ items: Json[] }>(`${CONFIGURATION}/revisions`);
    expect(items).toMatchObject([{ revision: 1, author: 'anonymous', updatedAt: written.body['updatedAt'] }]);
  });

  it('follows the default until something was written, and never after', async () => {
    const gateway = await running();
    const byDefault = await gateway.request('PUT', `${CONFIGURATION}/default?wait=60s`, {
      body: { retention: '48h' },
    });
    expect(byDefault.status, byDefault.text).toBe(200);
    expect(argumentsOf(await pidOf(gateway))).toContain('--data.retention=48h');
    await gateway.request('PUT', `${CONFIGURATION}?wait=60s`, { body: {} });
    const later = await gateway.request('PUT', `${CONFIGURATION}/default`, { body: { retention: '24h' } });
    expect([later.status, later.headers['location']]).toEqual([200, undefined]);
    expect((await gateway.get<Document>(CONFIGURATION)).retention).toBe('48h');
    expect((await gateway.request('DELETE', `${CONFIGURATION}/default`)).status).toBe(204);
  });
});

describe('the installation', { timeout: 120_000 }, () => {
  it('runs what was configured before it', async () => {
    const gateway = await start({ env: NOTHING });
    expect(await gateway.get(`${ALERTING}/status`)).toMatchObject({ configState: 'not-configured' });
    const written = await gateway.request('PUT', CONFIGURATION, { body: { retention: '77h' } });
    expect([written.status, written.headers['location']]).toEqual([200, undefined]);
    expect(await gateway.get(`${ALERTING}/status`)).toMatchObject({
      configState: 'configured',
      installState: 'not-installed',
    });
    const dry = await gateway.request('PUT', `${INSTALLATION}?dryRun=true`);
    expect(dry.body).toMatchObject({ document: { retention: '77h' }, diff: [], impact: 'restart' });
    expect(await gateway.get(`${ALERTING}/status`)).toMatchObject({ installState: 'not-installed' });
    expect((await gateway.request('PUT', `${INSTALLATION}?wait=60s`)).body).toMatchObject({
      phase: 'succeeded',
    });
    expect(argumentsOf(await pidOf(gateway))).toContain('--data.retention=77h');
    expect((await gateway.get<Document>(CONFIGURATION)).revision).toBe(1);
  });

  it('takes a preset over a written configuration only by force', async () => {
    const gateway = await start({ env: NOTHING });
    const { items } = await gateway.get<{ items: { name: string; document: Json }[] }>(`${ALERTING}/presets`);
    expect(items.map(({ name }) => name)).toEqual(['standalone', 'highly-available']);
    const body = { preset: 'highly-available' };
    const wait = 'wait=60s';
    expect((await gateway.request('PUT', `${INSTALLATION}?${wait}`, { body })).body).toMatchObject({
      phase: 'succeeded',
    });
    expect(await gateway.get(CONFIGURATION)).toMatchObject({ ...items[1]?.document, revision: 1 });
    expect(await notEnforced(gateway)).toMatchObject({ status: 'True' });
    // The same once more changes nothing.
    expect((await gateway.request('PUT', INSTALLATION, { body })).body).toMatchObject({ phase: 'succeeded' });
    expect((await gateway.get<Document>(CONFIGURATION)).revision).toBe(1);

    const other = { body: { preset: 'standalone' } };
    for (const query of ['', '?dryRun=true']) {
      const refused = await gateway.request<Problem>('PUT', `${INSTALLATION}${query}`, other);
      expect([refused.status, refused.body.code]).toEqual([409, 'configuration-exists']);
    }
    const dry = await gateway.request('PUT', `${INSTALLATION}?force=true&dryRun=true`, other);
    expect(dry.body).toMatchObject({
      diff: [{ path: '/workers/replicas' }, { path: '/controllers/replicas' }],
    });
    const forced = await gateway.request('PUT', `${INSTALLATION}?force=true&${wait}`, other);
    expect(forced.body, forced.text).toMatchObject({ phase: 'succeeded' });
    expect(await gateway.get(CONFIGURATION)).toMatchObject({ controllers: { replicas: 1 }, revision: 2 });
    expect(await notEnforced(gateway)).toMatchObject({ status: 'False' });
  });

  it('of a data directory from before there was a configuration goes on', async () => {
    const dataDir = await tempDir();
    const empty = await GatewayUnderTest.start({ dataDir, env: NOTHING });
    await empty.stop();
    const store = await openSqliteObjectStore({ file: join(dataDir, 'opni.db') });
    const document = { state: 'installed', preset: 'standalone', deleteData: false, operationId: 'gone' };
    await store.transact([{ op: 'put', kind: 'alerting-installation', id: 'alerting', document }]);
    await store.close();
    const gateway = await start({ dataDir, env: NOTHING });
    await gateway.untilRunning();
    expect(await gateway.get(`${ALERTING}/status`)).toMatchObject({ configState: 'configured' });
    expect(argumentsOf(await pidOf(gateway))).toContain('--data.retention=120h');
  });
});
