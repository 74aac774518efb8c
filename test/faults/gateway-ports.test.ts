import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { request } from 'undici';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ALERTMANAGER_TIMEOUT_MS, alertmanagerBinaries } from '../support/alertmanager.js';
import { eventually } from '../support/eventually.js';
import { freePort } from '../support/free-port.js';
import {
  ALERTING,
  children,
  dataDirectory,
  deliverEndpoint,
  kill,
  member,
  MEMBER,
  ports,
  runningGateway,
  spawnGateway,
  startGateway,
  untilRunning,
} from './gateway/harness.js';

beforeAll(async () => void (await alertmanagerBinaries()), ALERTMANAGER_TIMEOUT_MS);

/** Somebody else's server on this port, which says yes to everything: it must not be taken for one of ours. */
async function stranger(port: number): Promise<Server> {
  const server = createServer((_request, response) => void response.end('a stranger'));
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return server;
}

async function expectUntouched(port: number): Promise<void> {
  const answer = await request(`http://127.0.0.1:${port}/`);
  expect(await answer.body.text()).toBe('a stranger');
}

describe('a port that somebody else has', () => {
  it.each(['new', 'installed'])('of the gateway itself (%s directory): it says so and ends', async (kind) => {
    const dataDir = await dataDirectory();
    if (kind === 'installed') {
      const killed = await startGateway(dataDir);
      await untilRunning(killed);
      await killed.kill9();
    }
    const before = children(dataDir).map(({ pid }) => pid);
    const port = await freePort();
    await stranger(port);
    const started = performance.now();
    const gateway = await spawnGateway(dataDir, { OPNI_LISTEN: `127.0.0.1:${port}` });
    const ended = await eventually(
      'it ends',
      async () => (gateway.child.exitCode === null ? undefined : await gateway.exited),
      20_000,
    ).catch((error: unknown) => {
      throw new Error(gateway.output().slice(-3000), { cause: error });
    });
    expect(ended).toEqual({ code: 1, signal: null });
    expect(performance.now() - started).toBeLessThan(15_000);
    const [text = ''] = gateway.output().trim().split('\n').slice(-1);
    expect(text).toContain(`127.0.0.1:${port}`);
    expect(text).toMatch(/listen|OPNI_LISTEN/);
    expect(gateway.output()).not.toMatch(/\n {4}at /);
    expect(gateway.output()).not.toContain('NestApplication');
    // What a killed gateway left may run on, to be taken over by the next one; nothing new does.
    const left = children(dataDir).map(({ pid }) => pid);
    expect(before).toEqual(expect.arrayContaining(left));
    await expectUntouched(port);
    await untilRunning(await startGateway(dataDir));
  });

  it.each(['alertmanager', 'companion', 'probe'])(
    'of the %s, taken while the gateway was down: another one is used',
    async (part) => {
      const first = await runningGateway();
      await deliverEndpoint(first, 'kept', 'http://127.0.0.1:9/');
      await first.kill9();
      for (const { pid } of children(first.dataDir)) kill(pid);
      await eventually('all are gone', () => children(first.dataDir).length === 0);
      const before = ports(first.dataDir);
      const name = `${MEMBER}-${part}`;
      const port = before[name] ?? 0;
      await eventually('the port is free', () => stranger(port));

      const second = await startGateway(first.dataDir);
      await untilRunning(second, 40_000);
      const { [name]: changed, ...others } = ports(second.dataDir);
      expect(changed).not.toBe(port);
      expect(others).toEqual(Object.fromEntries(Object.entries(before).filter(([key]) => key !== name)));
      expect(await member(second)).toMatchObject({ inSync: true, lastError: null });
      expect(await second.get(`${ALERTING}/endpoints/kept`)).toMatchObject({ revision: 1 });
      expect(children(second.dataDir)).toHaveLength(2);
      await expectUntouched(port);
    },
  );
});
