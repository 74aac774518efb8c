import { readdirSync, statSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ALERTMANAGER_TIMEOUT_MS, alertmanagerBinaries } from '../support/alertmanager.js';
import { eventually } from '../support/eventually.js';
import { freePort } from '../support/free-port.js';
import { tempDir } from '../support/temp-dir.js';
import {
  ALERTING,
  dataDirectory,
  fakeAlertmanager,
  MEMBER,
  startGateway,
  untilRunning,
  webhook,
  type Json,
  type ListeningGateway,
} from './gateway/harness.js';

beforeAll(async () => void (await alertmanagerBinaries()), ALERTMANAGER_TIMEOUT_MS);

async function lastOperation(gateway: ListeningGateway): Promise<Json> {
  const operation = (await gateway.get('/api/v1/operations')).items?.at(-1);
  if (operation === undefined) throw new Error('there is no operation');
  return operation;
}

function failure(gateway: ListeningGateway): Promise<{ code: string; detail: string }> {
  return eventually(
    'the operation fails',
    async () => {
      const { phase, error } = await lastOperation(gateway);
      return phase === 'failed' && (error as { code: string; detail: string });
    },
    30_000,
  );
}

async function expectUsable(gateway: ListeningGateway): Promise<void> {
  expect(await gateway.call('GET', '/readyz')).toMatchObject({ status: 200 });
  expect(
    await gateway.call('PUT', `${ALERTING}/endpoints/kept`, webhook('kept', 'http://127.0.0.1:9/')),
  ).toMatchObject({ status: 201 });
}

async function realPath(): Promise<string> {
  return dirname((await alertmanagerBinaries()).alertmanager);
}

describe('an Alertmanager that does not stay up', () => {
  it('is called a crash loop, with its last words, and heals when it is exchanged', async () => {
    const directory = await fakeAlertmanager('echo "the flux capacitor is missing" >&2; exit 1');
    const gateway = await startGateway(await dataDirectory(), {
      OPNI_COMPONENTS_ALERTMANAGER_PATH: directory,
    });
    const error = await failure(gateway);
    expect(error.detail).toContain(`${MEMBER}-alertmanager`);
    expect(error.detail).toContain('the flux capacitor is missing');
    expect(await gateway.get(`${ALERTING}/status`)).toMatchObject({
      installState: 'failed',
      appState: 'failed',
      conditions: expect.arrayContaining([
        expect.objectContaining({
          type: 'Available',
          status: 'False',
          reason: 'CrashLoop',
          message: expect.stringContaining('flux capacitor'),
        }),
      ]),
      workloads: [{ desired: 1, ready: 0, reason: 'CrashLoop' }],
    });
    await expectUsable(gateway);

    await gateway.kill9();
    const healed = await startGateway(gateway.dataDir);
    await untilRunning(healed);
    await expect(healed.get(`${ALERTING}/endpoints/kept`)).resolves.toMatchObject({ revision: 1 });
  });

  it('and prints megabytes each time fills no disk', async () => {
    const script = 'head -c 20000000 /dev/zero | tr "\\0" "x"; echo; echo "the last line"; exit 3';
    const gateway = await startGateway(await dataDirectory(), {
      OPNI_COMPONENTS_ALERTMANAGER_PATH: await fakeAlertmanager(script),
    });
    const error = await failure(gateway);
    expect(error.detail).toContain('the last line');
    expect(error.detail.length).toBeLessThan(20_000);
    const logs = join(gateway.dataDir, 'local', 'alerting', MEMBER, 'logs');
    await eventually('its logs are cut to size', () => {
      const sizes = readdirSync(logs).map((name) => statSync(join(logs, name)).size);
      return sizes.reduce((sum, size) => sum + size, 0) <= 35 * 1024 * 1024;
    });
    expect((await gateway.call('GET', `${ALERTING}/status`)).took).toBeLessThan(2_000);
    await expectUsable(gateway);
    expect(gateway.output().length).toBeLessThan(1024 * 1024);
  });
});

describe('an Alertmanager that cannot be had', () => {
  it('fails the operation with the ways out; the gateway works, and heals with the setting', async () => {
    const nowhere = {
      PATH: await tempDir(),
      OPNI_COMPONENTS_ALERTMANAGER_PATH: '',
      OPNI_COMPONENTS_DIR: await tempDir(),
      OPNI_COMPONENTS_MIRROR: `http://127.0.0.1:${await freePort()}`,
    };
    const gateway = await startGateway(await dataDirectory(), nowhere);
    const { code, detail } = await failure(gateway);
    expect(code).toBe('component-unavailable');
    for (const way of ['PATH', 'OPNI_COMPONENTS_ALERTMANAGER_PATH', 'OPNI_COMPONENTS_MIRROR', 'install Go']) {
      expect(detail).toContain(way);
    }
    expect(await gateway.get(`${ALERTING}/status`)).toMatchObject({ installState: 'failed' });
    await expectUsable(gateway);
    const refused = await gateway.call('GET', `${ALERTING}/alertmanager/api/v2/alerts`);
    expect(refused).toMatchObject({
      status: 409,
      body: expect.stringContaining('not running yet') as unknown,
    });

    gateway.child.kill('SIGTERM');
    expect(await gateway.exited).toEqual({ code: 0, signal: null });
    const healed = await startGateway(gateway.dataDir);
    await untilRunning(healed);
    await expect(healed.get(`${ALERTING}/endpoints/kept`)).resolves.toMatchObject({ revision: 1 });
    const again = await healed.call('PUT', `${ALERTING}/installation?wait=30s`, {});
    expect(again).toMatchObject({ status: 200, body: { phase: 'succeeded' } });
  });

  it('heals without a restart once the programs are where they are looked for', async () => {
    const place = join(await tempDir(), 'later');
    const gateway = await startGateway(await dataDirectory(), { OPNI_COMPONENTS_ALERTMANAGER_PATH: place });
    const { detail } = await failure(gateway);
    expect(detail).toContain(`${place} does not exist`);
    symlinkSync(await realPath(), place);
    const again = await gateway.call('PUT', `${ALERTING}/installation?wait=30s`, {});
    expect(again).toMatchObject({ status: 200, body: { phase: 'succeeded' } });
    await untilRunning(gateway);
  });
});
