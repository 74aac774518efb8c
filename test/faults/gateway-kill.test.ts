import { beforeAll, describe, expect, it } from 'vitest';
import { ALERTMANAGER_TIMEOUT_MS, alertmanagerBinaries } from '../support/alertmanager.js';
import { eventually } from '../support/eventually.js';
import {
  ALERTING,
  children,
  collector,
  deliverEndpoint,
  kill,
  member,
  messageIds,
  MEMBER,
  pidOf,
  push,
  runningGateway,
  runs,
  startGateway,
  untilAccepted,
  untilRunning,
  webhook,
  workload,
  type ListeningGateway,
} from './gateway/harness.js';

beforeAll(async () => void (await alertmanagerBinaries()), ALERTMANAGER_TIMEOUT_MS);

const programs = ['alertmanager', 'companion'] as const;

function pids({ dataDir }: ListeningGateway): { alertmanager: number; companion: number } {
  const [alertmanager, companion] = programs.map((program) => pidOf(dataDir, program));
  if (alertmanager === undefined || companion === undefined) throw new Error('the member does not run');
  return { alertmanager, companion };
}

/** Notification → the members whose embedded server has it. */
async function deliveries(gateway: ListeningGateway, id: string): Promise<unknown[]> {
  return (await gateway.get(`${ALERTING}/notifications/${id}`))['deliveries'] as unknown[];
}

describe('kill -9', () => {
  it('of the gateway: the next one takes over what runs, and configures it', async () => {
    const first = await runningGateway();
    const sink = await collector();
    await deliverEndpoint(first, 'before', sink.url);
    const id = await push(first, 'before the kill');
    await eventually('it is delivered', async () => (await deliveries(first, id)).length > 0);
    const before = pids(first);
    await first.kill9();
    expect(programs.map((program) => runs(before[program]))).toEqual([true, true]);

    const second = await startGateway(first.dataDir);
    await untilRunning(second);
    expect(pids(second)).toEqual(before);
    expect(await member(second)).toMatchObject({ pid: before.alertmanager, inSync: true, lastError: null });
    expect(await second.get(`${ALERTING}/endpoints/before`)).toMatchObject({ revision: 1 });
    expect(await deliveries(second, id)).toHaveLength(1);

    await deliverEndpoint(second, 'after', sink.url);
    await push(second, 'after the kill');
    await eventually('it arrives', () => sink.titles().includes('after the kill'), 20_000);
    expect(children(second.dataDir).map(({ name }) => name)).toEqual([
      `${MEMBER}-companion`,
      `${MEMBER}-alertmanager`,
    ]);
    expect(pids(second)).toEqual(before);
  });

  it('of Alertmanager: it is back by itself, and nobody said meanwhile that it ran', async () => {
    const gateway = await runningGateway();
    await deliverEndpoint(gateway, 'pager', 'http://127.0.0.1:9/');
    const before = pids(gateway);
    kill(before.alertmanager);
    // Looked at while it is away, as often as it can be seen.
    const seen: { running: boolean; pid: unknown }[] = [];
    const after = await eventually('it is back', async () => {
      const item = await workload(gateway, 'alertmanager');
      if (item['pid'] === before.alertmanager)
        seen.push({ running: runs(before.alertmanager), pid: item['pid'] });
      return item['restarts'] === 1 && item['ready'] === 1 && item;
    });
    expect(seen.length).toBeLessThan(20);
    expect(after).toMatchObject({ message: expect.stringContaining('SIGKILL') });
    await untilRunning(gateway);
    expect(pids(gateway).companion).toBe(before.companion);
    expect(await member(gateway)).toMatchObject({ pid: after['pid'], inSync: true });
    await untilAccepted(gateway, 'pager');
  });

  it('of Alertmanager again and again: status says why it is not there', async () => {
    const gateway = await runningGateway();
    const killer = setInterval(() => {
      const pid = pidOf(gateway.dataDir, 'alertmanager');
      if (pid !== undefined) kill(pid);
    }, 50);
    try {
      const status = await eventually('status tells', async () => {
        const found = await gateway.get(`${ALERTING}/status`);
        return found['appState'] === 'failed' && found;
      });
      expect(status).toMatchObject({
        installState: 'installed',
        workloads: [{ ready: 0, reason: 'CrashLoop', message: expect.stringContaining('SIGKILL') }],
      });
      expect(await member(gateway)).toMatchObject({
        inSync: false,
        version: null,
        lastError: expect.stringMatching(/./),
      });
    } finally {
      clearInterval(killer);
    }
    await untilRunning(gateway, 40_000);
  });

  it('of the companion: it is back with its messages and its configuration', async () => {
    const gateway = await runningGateway();
    const sink = await collector();
    await deliverEndpoint(gateway, 'pager', sink.url);
    const id = await push(gateway, 'kept');
    await eventually('it is delivered', async () => (await deliveries(gateway, id)).length > 0);
    const before = pids(gateway);
    kill(before.companion);
    await eventually('it is back', async () => {
      const item = await workload(gateway, 'companion');
      return item['restarts'] === 1 && item['ready'] === 1;
    });
    await untilRunning(gateway);
    expect(pids(gateway).alertmanager).toBe(before.alertmanager);
    expect(await messageIds(gateway)).toContain(id);
    await untilAccepted(gateway, 'pager');
    const next = await push(gateway, 'after it');
    await eventually(
      'the next one arrives too',
      async () => (await messageIds(gateway)).includes(next),
      20_000,
    );
    expect(await messageIds(gateway)).toContain(id);
  });

  it('of everything at once: the next start brings all back, and what was acknowledged is delivered', async () => {
    const first = await runningGateway();
    const sink = await collector();
    await deliverEndpoint(first, 'pager', sink.url);
    const before = pids(first);
    // Alertmanager is frozen, so that it cannot have delivered before it dies.
    kill(before.alertmanager, 'SIGSTOP');
    const id = await push(first, 'last words');
    const ended = first.kill9();
    for (const pid of Object.values(before)) kill(pid);
    await ended;
    await eventually('all are gone', () => children(first.dataDir).length === 0);
    expect(sink.titles()).toEqual([]);

    const second = await startGateway(first.dataDir);
    await untilRunning(second);
    expect(await second.get(`${ALERTING}/endpoints/pager`)).toMatchObject({ revision: 1 });
    await eventually('it arrives at last', () => sink.titles().includes('last words'), 30_000);
    await eventually('and is known to have arrived', async () => (await deliveries(second, id)).length > 0);
    expect(children(second.dataDir)).toHaveLength(2);
  });
});

describe.each(programs)('a frozen %s', (program) => {
  it('hangs no call, and is told within seconds, as is its thaw', async () => {
    const gateway = await runningGateway();
    await deliverEndpoint(gateway, 'pager', 'http://127.0.0.1:9/');
    const pid = pids(gateway)[program];
    kill(pid, 'SIGSTOP');
    const frozenAt = performance.now();
    const calls = await Promise.all([
      ...[
        'status',
        'members',
        'endpoints',
        'notifications',
        'routing/config',
        'alertmanager/api/v2/alerts',
      ].map((path) => gateway.call('GET', `${ALERTING}/${path}`)),
      gateway.call('GET', '/readyz'),
      gateway.call('GET', '/api/v1/drivers/local/workloads'),
      gateway.call('PUT', `${ALERTING}/endpoints/other`, webhook('other', 'http://127.0.0.1:9/')),
      gateway.call('POST', `${ALERTING}/notifications`, { title: 't', body: 'b', severity: 'info' }),
    ]);
    // Alertmanager's own API is the only one that cannot be answered without it.
    expect(calls.map((answer) => answer.status)).toEqual([200, 200, 200, 200, 200, 503, 200, 200, 201, 201]);
    expect(calls.filter(({ took }) => took > 6_000)).toEqual([]);
    // A probe that waits for a component would take the gateway out of service for it.
    expect(calls[6]?.took).toBeLessThan(1_000);
    const status = await eventually('status tells', async () => {
      const found = await gateway.get(`${ALERTING}/status`);
      return found['appState'] !== 'running' && found;
    });
    expect(performance.now() - frozenAt).toBeLessThan(8_000);
    expect(status).toMatchObject({
      workloads: [{ ready: 0, reason: 'NotAnswering', message: expect.stringContaining(program) }],
    });
    kill(pid, 'SIGCONT');
    await untilRunning(gateway, 15_000);
    expect(pids(gateway)[program]).toBe(pid);
    await untilAccepted(gateway, 'other');
  });
});
