import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { readArgv, readStat } from '../../src/drivers/local/supervisor/proc-fs.js';
import { ALERTMANAGER_TIMEOUT_MS, alertmanagerBinaries } from '../support/alertmanager.js';
import { eventually } from '../support/eventually.js';
import {
  ALERTING,
  children,
  dataDirectory,
  fakeAlertmanager,
  kill,
  MEMBER,
  pidOf,
  runningGateway,
  runs,
  startGateway,
  untilRunning,
  webhook,
  type GatewayProcess,
  type Json,
} from './gateway/harness.js';

beforeAll(async () => void (await alertmanagerBinaries()), ALERTMANAGER_TIMEOUT_MS);

const EMPTY = { OPNI_BOOTSTRAP_INSTALL: '' };

/** It ends well, in time, and leaves nothing behind. */
async function expectCleanStop(gateway: GatewayProcess, signalledAt: number, within = 10_000): Promise<void> {
  expect(await gateway.exited, gateway.output()).toEqual({ code: 0, signal: null });
  expect(performance.now() - signalledAt).toBeLessThan(within);
  expect(children(gateway.dataDir)).toEqual([]);
  expect(gateway.output()).not.toMatch(/"level":"(error|fatal)"|\n {4}at /);
}

function stop(gateway: GatewayProcess, signal: NodeJS.Signals = 'SIGTERM'): number {
  gateway.child.kill(signal);
  return performance.now();
}

describe('SIGTERM', () => {
  it('(more than one, too) lets what runs finish, says 503 meanwhile, stops the children, frees the directory', async () => {
    const gateway = await runningGateway();
    let release = (): void => undefined;
    const receiver = createServer((incoming, response) => {
      incoming.resume();
      release = () => void response.end();
    });
    receiver.listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    onTestFinished(() => {
      receiver.closeAllConnections();
      receiver.close();
    });
    const arrived = once(receiver, 'request');
    const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
    const test = gateway.call('POST', `${ALERTING}/endpoint-tests`, { endpoint: webhook('slow', url) });
    await arrived;
    const at = stop(gateway);
    const draining = await eventually('/readyz says that it stops', async () => {
      const answer = await gateway.call('GET', '/readyz');
      return answer.status === 503 && answer;
    });
    expect(draining.body).toMatchObject({ checks: { service: { state: 'failed' } } });
    const refused = await gateway.call('GET', `${ALERTING}/endpoints`);
    expect(refused).toMatchObject({ status: 503, headers: { 'retry-after': expect.anything() } });
    // A shell and its parent often both send one.
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGTERM'] as const) stop(gateway, signal);
    release();
    expect(await test).toMatchObject({ status: 200, body: { delivered: true } });
    await expectCleanStop(gateway, at);
    await untilRunning(await startGateway(gateway.dataDir));
  });

  it.each([0, 100, 300, 600])('%i ms into an installation: the next start completes it', async (after) => {
    const gateway = await startGateway(await dataDirectory(), EMPTY);
    const { status, body } = await gateway.call('PUT', `${ALERTING}/installation`, {});
    expect(status).toBe(202);
    await delay(after);
    await expectCleanStop(gateway, stop(gateway));
    const next = await startGateway(gateway.dataDir, EMPTY);
    const done = await next.call('PUT', `${ALERTING}/installation?wait=30s`, {});
    expect(done).toMatchObject({ status: 200, body: { phase: 'succeeded' } });
    const operation: Json = await next.get(`/api/v1/operations/${body['id'] as string}`);
    expect(operation).toMatchObject({ phase: 'succeeded' });
  });

  it('is not held up by frozen children', async () => {
    const gateway = await runningGateway();
    for (const program of ['alertmanager', 'companion'] as const) {
      kill(pidOf(gateway.dataDir, program) ?? 0, 'SIGSTOP');
    }
    await expectCleanStop(gateway, stop(gateway));
  });

  it('is not held up by somebody who waits for an operation', async () => {
    const gateway = await startGateway(await dataDirectory(), {
      // Found, but it never gets ready.
      OPNI_COMPONENTS_ALERTMANAGER_PATH: await fakeAlertmanager('exec sleep 1000'),
    });
    const waiting = gateway.call('PUT', `${ALERTING}/installation?wait=1m`, {}).catch(() => undefined);
    await eventually('it starts', () => pidOf(gateway.dataDir, 'alertmanager'));
    await expectCleanStop(gateway, stop(gateway));
    await waiting;
  });

  it('is not held up for ever by a request that never ends', async () => {
    const gateway = await runningGateway();
    const { port } = new URL(gateway.url);
    const socket = connect(Number(port), '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => undefined);
    socket.write(
      `POST ${ALERTING}/endpoints HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`,
    );
    await delay(100);
    await expectCleanStop(gateway, stop(gateway), 15_000);
  });
});

describe('a foreign process', () => {
  it.each(['number', 'number and start time'])('with the recorded %s is left alone', async (same) => {
    const first = await runningGateway();
    await first.kill9();
    for (const { pid } of children(first.dataDir)) kill(pid);
    await eventually('all are gone', () => children(first.dataDir).length === 0);

    const stranger = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
    onTestFinished(() => void stranger.kill('SIGKILL'));
    const pid = stranger.pid ?? 0;
    await eventually('it is sleep by now', () => readArgv(pid)?.[0] === 'sleep');
    for (const program of ['alertmanager', 'companion']) {
      const file = join(first.dataDir, 'local', 'processes', `${MEMBER}-${program}.json`);
      const record = JSON.parse(readFileSync(file, 'utf8')) as Json;
      record['pid'] = pid;
      if (same === 'number and start time') record['startTicks'] = readStat(pid)?.startTicks;
      writeFileSync(file, JSON.stringify(record));
    }
    const second = await startGateway(first.dataDir);
    await untilRunning(second);
    expect(children(second.dataDir)).toHaveLength(2);
    await expectCleanStop(second, stop(second));
    expect(runs(pid)).toBe(true);
  });
});
