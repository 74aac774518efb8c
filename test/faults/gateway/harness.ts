import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Agent, request } from 'undici';
import { onTestFinished } from 'vitest';
import { readStat } from '../../../src/drivers/local/supervisor/proc-fs.js';
import { findMarked } from '../../../src/drivers/local/supervisor/process-finder.js';
import { scopeOf } from '../../../src/drivers/local/supervisor/program.js';
import { LABELS } from '../../../src/alerting-backend/routing/routing-compiler.js';
import { alertmanagerBinaries } from '../../support/alertmanager.js';
import { eventually } from '../../support/eventually.js';
import { tempDir } from '../../support/temp-dir.js';

export const main = fileURLToPath(new URL('../../../dist/main.js', import.meta.url));
export const MEMBER = 'controller-0';

export type Env = Record<string, string>;
/** Whatever JSON an answer holds. */
export type Json = Record<string, unknown> & { items?: Json[] };

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Json;
  /** Until the whole answer was there; milliseconds. */
  took: number;
}

/** A gateway as a process of its own, and what runs for it. */
export interface GatewayProcess {
  child: ChildProcess;
  pid: number;
  dataDir: string;
  /** What it printed, but for lists of routes and the access log. */
  output: () => string;
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

export interface ListeningGateway extends GatewayProcess {
  url: string;
  call: (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>;
  get: (path: string) => Promise<Json>;
  kill9: () => Promise<void>;
}

/** A data directory; at the end everything that was started from it is killed before it is removed. */
export async function dataDirectory(path?: string): Promise<string> {
  const dataDir = path ?? join(await tempDir(), 'data');
  mkdirSync(join(dataDir, 'local'), { recursive: true, mode: 0o700 });
  onTestFinished(() => killChildren(dataDir));
  return dataDir;
}

/** What runs for the gateways of this data directory, oldest first. */
export function children(dataDir: string): { name: string; pid: number }[] {
  return findMarked(scopeOf(join(dataDir, 'local'))).map(({ name, pid }) => ({ name, pid }));
}

export function pidOf(dataDir: string, program: 'alertmanager' | 'companion'): number | undefined {
  return children(dataDir).find(({ name }) => name === `${MEMBER}-${program}`)?.pid;
}

async function killChildren(dataDir: string): Promise<void> {
  await eventually(`nothing of ${dataDir} runs`, () => {
    const left = children(dataDir);
    for (const { pid } of left) kill(pid);
    return left.length === 0;
  });
}

/** One SIGKILL; a process that has ended already is fine. */
export function kill(pid: number, signal: NodeJS.Signals = 'SIGKILL'): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

export function runs(pid: number): boolean {
  const stat = readStat(pid);
  return stat !== null && stat.runState !== 'Z';
}

/** Starts `opni gateway` and does not wait. `OPNI_…` variables of this shell do not reach it. */
export async function spawnGateway(dataDir: string, env: Env = {}): Promise<GatewayProcess> {
  const binaries = await alertmanagerBinaries();
  const child = spawn(process.execPath, [main, 'gateway'], {
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: process.env['HOME'] ?? '',
      OPNI_DATA_DIR: dataDir,
      OPNI_LISTEN: '127.0.0.1:0',
      OPNI_LOG_FORMAT: 'json',
      OPNI_COMPONENTS_ALERTMANAGER_PATH: dirname(binaries.alertmanager),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  const collect = (chunk: Buffer): void => void (text += chunk.toString());
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  const exited = once(child, 'close').then(() => ({ code: child.exitCode, signal: child.signalCode }));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  return { child, pid: child.pid ?? 0, dataDir, output: () => withoutNoise(text), exited };
}

/** What it said, but for Nest's list of routes and the access log. */
function withoutNoise(text: string): string {
  return text
    .split('\n')
    .filter(
      (line) => !/"context":"(InstanceLoader|RouterExplorer|RoutesResolver)"|"msg":"request"/.test(line),
    )
    .join('\n');
}

/** Starts a gateway and waits until it listens. */
export async function startGateway(dataDir: string, env: Env = {}): Promise<ListeningGateway> {
  return listening(await spawnGateway(dataDir, env));
}

/** Waits until a started gateway listens. */
export async function listening(gateway: GatewayProcess): Promise<ListeningGateway> {
  const url = await eventually(
    'the gateway listens',
    () => {
      if (gateway.child.exitCode !== null) throw new Error(`it ended: ${gateway.output()}`);
      return /"url":"(http[^"]+)"/.exec(gateway.output())?.[1];
    },
    30_000,
  );
  const agent = new Agent({ connections: 64 });
  onTestFinished(() => agent.destroy());
  const call: ListeningGateway['call'] = async (method, path, body, headers = {}) => {
    const started = performance.now();
    const answer = await request(`${url}${path}`, {
      method: method as 'GET',
      dispatcher: agent,
      signal: AbortSignal.timeout(60_000),
      headers: body === undefined ? headers : { 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.body.text();
    return {
      status: answer.statusCode,
      headers: answer.headers,
      body: (text === '' ? {} : JSON.parse(text)) as Json,
      took: performance.now() - started,
    };
  };
  return {
    ...gateway,
    url,
    call,
    get: async (path) => {
      const { status, body } = await call('GET', path);
      if (status !== 200) throw new Error(`GET ${path}: ${status} ${JSON.stringify(body)}`);
      return body;
    },
    kill9: async () => {
      gateway.child.kill('SIGKILL');
      await gateway.exited;
    },
  };
}

export const ALERTING = '/api/v1/alerting';

/** Until the backend runs and every member has the newest configuration. */
export async function untilRunning(gateway: ListeningGateway, timeout = 30_000): Promise<Json> {
  let last: Json = {};
  try {
    return await eventually(
      'the alerting backend runs',
      async () => {
        last = await gateway.get(`${ALERTING}/status`);
        return last['appState'] === 'running' && last['installState'] === 'installed' && last;
      },
      timeout,
    );
  } catch (error) {
    throw new Error(`the last status was ${JSON.stringify(last)}; log: ${gateway.output().slice(-4000)}`, {
      cause: error,
    });
  }
}

/** A gateway on a data directory of its own whose Alertmanager and companion are ready. */
export async function runningGateway(env: Env = {}): Promise<ListeningGateway> {
  const gateway = await startGateway(await dataDirectory(), env);
  await untilRunning(gateway);
  return gateway;
}

export async function member(gateway: ListeningGateway): Promise<Json> {
  const found = (await gateway.get(`${ALERTING}/members`)).items?.[0];
  if (found === undefined) throw new Error('there is no member');
  return found;
}

/** How the driver sees a process of the member. */
export async function workload(
  gateway: ListeningGateway,
  program: 'alertmanager' | 'companion',
): Promise<Json> {
  const { items = [] } = await gateway.get('/api/v1/drivers/local/workloads');
  const found = items.find((item) => item['name'] === `${MEMBER}-${program}`);
  if (found === undefined) throw new Error(`the driver runs no ${program}`);
  return found;
}

/** A webhook endpoint that takes part in broadcasts of every severity. */
export function webhook(name: string, url: string): Json {
  return { name, type: 'webhook', webhook: { url }, notifications: { enabled: true } };
}

/** Puts an endpoint and waits until every member runs a configuration with it. */
export async function deliverEndpoint(gateway: ListeningGateway, id: string, url: string): Promise<void> {
  const { status, body } = await gateway.call('PUT', `${ALERTING}/endpoints/${id}`, webhook(id, url));
  if (status !== 200 && status !== 201) throw new Error(`${status} ${JSON.stringify(body)}`);
  await untilAccepted(gateway, id);
}

/** Until the endpoint's condition says that every member runs a configuration with it, and the member says the same. */
export async function untilAccepted(gateway: ListeningGateway, id: string, timeout = 15_000): Promise<void> {
  await eventually(
    `endpoint ${id} is accepted`,
    async () => {
      const { status } = await gateway.get(`${ALERTING}/endpoints/${id}`);
      const [condition] = (status as { conditions: Json[] }).conditions;
      return condition?.['status'] === 'True' && (await member(gateway))['inSync'] === true;
    },
    timeout,
  );
}

/** Pushes a broadcast that waits for nothing. @returns its id, after 201 */
export async function push(gateway: ListeningGateway, title: string): Promise<string> {
  const { status, body } = await gateway.call('POST', `${ALERTING}/notifications`, {
    title,
    body: 'from a test',
    severity: 'critical',
  });
  if (status !== 201) throw new Error(`${status} ${JSON.stringify(body)}`);
  return body['id'] as string;
}

export interface Collector {
  url: string;
  /** Titles of what arrived, in order, with repetitions. */
  titles: () => string[];
}

/** A receiver of webhooks that answers 200. */
export async function collector(): Promise<Collector> {
  const received: string[] = [];
  const server = createServer((incoming, response) => {
    let text = '';
    incoming.on('data', (chunk: Buffer) => (text += chunk.toString()));
    incoming.on('end', () => {
      const { alerts } = JSON.parse(text) as { alerts: { labels: { alertname: string } }[] };
      received.push(...alerts.map(({ labels }) => labels.alertname));
      response.end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, titles: () => received };
}

/** A directory with programs named alertmanager and amtool that print a proper version and else run `script`. */
export async function fakeAlertmanager(script: string): Promise<string> {
  const directory = await tempDir();
  for (const name of ['alertmanager', 'amtool']) {
    const text = `#!/bin/sh\nif [ "$1" = --version ]; then echo "${name}, version 0.31.1 (branch: x, revision: y)"; exit 0; fi\n`;
    const rest = name === 'amtool' ? 'exit 0' : script;
    writeFileSync(join(directory, name), `${text}${rest}\n`, { mode: 0o755 });
  }
  return directory;
}

/** The ports that the gateways of this data directory have chosen, by name. */
export function ports(dataDir: string): Record<string, number> {
  return JSON.parse(readFileSync(join(dataDir, 'local', 'ports.json'), 'utf8')) as Record<string, number>;
}

/** Ids of the notifications that the member's embedded server holds, asked as the gateway asks. */
export async function messageIds(gateway: ListeningGateway): Promise<string[]> {
  const tls = join(gateway.dataDir, 'local', 'alerting', MEMBER, 'tls');
  const file = (name: string): Buffer => readFileSync(join(tls, name));
  const agent = new Agent({ connect: { cert: file('tls.crt'), key: file('tls.key'), ca: file('ca.crt') } });
  try {
    const url = `https://127.0.0.1:${ports(gateway.dataDir)[`${MEMBER}-companion`]}/v1/messages?after=0&limit=1000`;
    const answer = await request(url, { dispatcher: agent, signal: AbortSignal.timeout(5_000) });
    const page = (await answer.body.json()) as { items: { labels: Record<string, string> }[] };
    return page.items.flatMap(({ labels }) => labels[LABELS.notification] ?? []);
  } finally {
    await agent.destroy();
  }
}
