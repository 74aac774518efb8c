import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { eventually } from '../support/eventually.js';
import { GatewayUnderTest, killAllOf, processesOf } from '../support/gateway.js';

interface Operation {
  id: string;
  kind: string;
  phase: string;
  log: { time: string; message: string }[];
}

const INSTALLATION = '/api/v1/alerting/installation';

/** Gateways on one data directory; `env` may keep an installation from ending. */
async function house(): Promise<(env?: Record<string, string>) => Promise<GatewayUnderTest>> {
  const dataDir = await mkdtemp(join(tmpdir(), 'opni-cancel-'));
  onTestFinished(async () => {
    await killAllOf(dataDir);
    await rm(dataDir, { recursive: true, force: true });
  });
  return (env = {}) => GatewayUnderTest.start({ dataDir, env: { OPNI_BOOTSTRAP_INSTALL: '', ...env } });
}

const cancel = (gateway: GatewayUnderTest, id: string) =>
  gateway.request<Operation & { code?: string }>('POST', `/api/v1/operations/${id}/cancel`);

async function install(gateway: GatewayUnderTest): Promise<string> {
  const { status, body } = await gateway.request<Operation>('PUT', INSTALLATION);
  expect(status).toBe(202);
  return body.id;
}

const operation = (gateway: GatewayUnderTest, id: string): Promise<Operation> =>
  gateway.get(`/api/v1/operations/${id}`);

async function untilUninstalled(gateway: GatewayUnderTest): Promise<void> {
  await eventually('it is uninstalled', async () => {
    const { installState, appState } = await gateway.get('/api/v1/alerting/status');
    return installState === 'not-installed' && appState === 'not-running';
  });
}

describe('cancelling', () => {
  it('stops an installation under way, removes what it started, and says so in the desired state', async () => {
    const gateway = await (await house())();
    const id = await install(gateway);
    const { status, body, headers } = await cancel(gateway, id);
    expect(status).toBe(200);
    expect(body.phase).toBe('cancelled');
    expect(body.log.at(-1)?.message).toContain('cancelled: somebody cancelled it');
    expect(headers['location']).toBe(`/api/v1/operations/${id}`);
    await untilUninstalled(gateway);
    const { items } = await gateway.get<{ items: Operation[] }>('/api/v1/operations');
    expect(items.map(({ kind }) => kind)).toEqual(['alerting.install', 'alerting.uninstall']);
    await eventually('the removal ends', async () => {
      return (await operation(gateway, items[1]?.id ?? '')).phase === 'succeeded';
    });
    expect((await operation(gateway, id)).phase).toBe('cancelled');
    expect(processesOf(gateway.dataDir)).toHaveLength(1);
  });

  it('stops a search for programs that would go on for long, and installs afterwards all the same', async () => {
    const start = await house();
    const directory = await mkdtemp(join(tmpdir(), 'opni-hanging-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    // An Alertmanager that never tells its version.
    for (const name of ['alertmanager', 'amtool']) {
      await writeFile(join(directory, name), '#!/bin/sh\nexec sleep 600\n', { mode: 0o755 });
    }
    let gateway = await start({ OPNI_COMPONENTS_ALERTMANAGER_PATH: directory });
    const id = await install(gateway);
    expect((await cancel(gateway, id)).body.phase).toBe('cancelled');
    await untilUninstalled(gateway);
    await gateway.stop();
    gateway = await start();
    const { body } = await gateway.request<Operation>('PUT', `${INSTALLATION}?wait=60s`);
    expect(body.phase).toBe('succeeded');
  });

  it('holds over kill -9 right after it was acknowledged', async () => {
    const start = await house();
    let gateway = await start();
    const id = await install(gateway);
    await cancel(gateway, id);
    await gateway.kill();
    gateway = await start();
    await untilUninstalled(gateway);
    expect((await operation(gateway, id)).phase).toBe('cancelled');
    await eventually('nothing runs', () => processesOf(gateway.dataDir).length === 1);
  });

  it('is refused for what has ended, cannot be cancelled, or does not exist', async () => {
    const gateway = await (await house())();
    const { body } = await gateway.request<Operation>('PUT', `${INSTALLATION}?wait=60s`);
    expect(body.phase).toBe('succeeded');
    expect(body.log.length).toBeGreaterThan(1);
    expect(await cancel(gateway, body.id)).toMatchObject({ status: 409, body: { code: 'operation-ended' } });
    const removal = await gateway.request<Operation>('DELETE', INSTALLATION);
    const refused = await cancel(gateway, removal.body.id);
    expect(refused.status).toBe(409);
    expect(['operation-not-cancellable', 'operation-ended']).toContain(refused.body.code);
    expect((await cancel(gateway, 'nothing')).status).toBe(404);
    const status = await gateway.get('/api/v1/alerting/status');
    expect(status['installState']).not.toBe('installed');
  });
});
