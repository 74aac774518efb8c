import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import type http from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Response } from 'supertest';
import { listPids } from '../../src/drivers/local/supervisor/proc-fs.js';
import { alertmanagerBinaries } from './alertmanager.js';
import { call } from './companion.js';
import { eventually } from './eventually.js';
import { committedDocument } from './http.js';
import { responseCheck } from './openapi-response.js';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

export type Json = Record<string, unknown>;

/** `T` is what the test expects of a body, which has been checked against the document. */
export interface GatewayAnswer<T = Json> {
  status: number;
  headers: http.IncomingHttpHeaders;
  text: string;
  /** `{}` when there is no body or it is not JSON. */
  body: T;
}

/** RFC 9457, as far as tests read it. */
export interface Problem {
  code: string;
  detail: string;
  errors?: { pointer?: string; parameter?: string; code: string; detail: string }[];
}

export interface RequestOptions {
  /** JSON unless it is a text or bytes, which go as they are. */
  body?: unknown;
  headers?: http.OutgoingHttpHeaders;
}

export interface GatewayOptions {
  /** Kept after `dispose`; without it a temporary one is made and removed. */
  dataDir?: string;
  /** The gateway gets these, `PATH` and `HOME`, and nothing else of this process's environment. */
  env?: Record<string, string>;
}

let check: ReturnType<typeof responseCheck> | undefined;

/**
 * A real gateway process, from `dist/`, on a free port. Its owner calls `dispose`, which also ends whatever a killed gateway
 * has left running. Every answer to `request` is checked against the committed OpenAPI document.
 */
export class GatewayUnderTest {
  private constructor(
    readonly dataDir: string,
    readonly url: string,
    private readonly child: ChildProcess,
    private readonly printed: () => string,
    private readonly ownsDirectory: boolean,
  ) {}

  static async start(options: GatewayOptions = {}): Promise<GatewayUnderTest> {
    const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'opni-gateway-')));
    const { alertmanager } = await alertmanagerBinaries();
    const child = spawn(process.execPath, [MAIN, 'gateway'], {
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: process.env['HOME'] ?? '',
        OPNI_DATA_DIR: dataDir,
        OPNI_LISTEN: '127.0.0.1:0',
        OPNI_LOG_FORMAT: 'json',
        OPNI_COMPONENTS_ALERTMANAGER_PATH: dirname(alertmanager),
        ...options.env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    }
    try {
      const url = await eventually('the gateway listens', () => listeningUrl(child, output), 30_000);
      const gateway = new GatewayUnderTest(dataDir, url, child, () => output, options.dataDir === undefined);
      await eventually('/readyz', async () => (await gateway.request('GET', '/readyz')).status === 200);
      return gateway;
    } catch (error) {
      child.kill('SIGKILL');
      await killAllOf(dataDir);
      throw error;
    }
  }

  /** Everything it has printed so far. */
  get output(): string {
    return this.printed();
  }

  /** The path goes as it is: nothing resolves `..` or `%2e` on the way. */
  async request<T = Json>(
    method: string,
    path: string,
    { body, headers = {} }: RequestOptions = {},
  ): Promise<GatewayAnswer<T>> {
    const raw = body === undefined || typeof body === 'string' || Buffer.isBuffer(body);
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const answer = await call(`${this.url}${path}`, method, {
      ...(body === undefined ? {} : { body: raw ? body : JSON.stringify(body) }),
      headers: { ...(body === undefined ? {} : { 'content-type': type }), ...headers },
    });
    check ??= responseCheck(committedDocument());
    check(method.toLowerCase(), path, answer as unknown as Response);
    const isJson = /[/+]json\b/.test(answer.headers['content-type'] ?? '') && answer.text !== '';
    return { ...answer, body: isJson ? answer.json<T>() : ({} as T) };
  }

  /** The body of an answer that must be 200. */
  async get<T = Json>(path: string): Promise<T> {
    const { status, text, body } = await this.request<T>('GET', path);
    if (status !== 200) throw new Error(`GET ${path}: ${status} ${text}`);
    return body;
  }

  /** Until the alerting backend runs and every member has the newest configuration. */
  async untilRunning(timeout = 30_000): Promise<void> {
    await eventually(
      'the alerting backend runs',
      async () => {
        const status = await this.get('/api/v1/alerting/status');
        if (status['appState'] === 'running' && status['installState'] === 'installed') return true;
        throw new Error(JSON.stringify(status));
      },
      timeout,
    );
  }

  /** Stops it as an operator would. @returns its exit code */
  async stop(): Promise<number | null> {
    return this.end('SIGTERM');
  }

  /** `kill -9`: what it has started lives on. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  async dispose(): Promise<void> {
    await this.kill();
    await killAllOf(this.dataDir);
    if (this.ownsDirectory) await rm(this.dataDir, { recursive: true, force: true });
  }

  private async end(signal: NodeJS.Signals): Promise<number | null> {
    const { child } = this;
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit');
      child.kill(signal);
      await exited;
    }
    return child.exitCode;
  }
}

/** Processes that have the directory in their arguments or their environment: a gateway, and what it runs. */
export function processesOf(directory: string): number[] {
  return listPids().filter(
    (pid) => pid !== process.pid && ['cmdline', 'environ'].some((file) => mentions(pid, file, directory)),
  );
}

/** SIGKILL until nothing of the directory runs any more. */
export async function killAllOf(directory: string): Promise<void> {
  await eventually(`nothing of ${directory} runs`, () => {
    const left = processesOf(directory);
    for (const pid of left) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended in the meantime.
      }
    }
    return left.length === 0;
  });
}

function mentions(pid: number, file: string, directory: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8').includes(directory);
  } catch {
    return false;
  }
}

function listeningUrl(child: ChildProcess, output: string): string | undefined {
  if (child.exitCode !== null) throw new Error(`the gateway ended with ${child.exitCode}: ${output}`);
  return /"url":"(http[^"]+)"/.exec(output)?.[1];
}
