import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** The build that is measured; another one can be named to compare two. */
export const DIST = process.env['BENCH_DIST'] ?? fileURLToPath(new URL('../../dist', import.meta.url));
const START_DEADLINE = 60_000;
const POLL = 2;

/** `getconf CLK_TCK` on Linux, whatever the processor. */
const TICKS_PER_SECOND = 100;

/** A server process whose output goes to a file, as under a service manager. */
export class Server {
  /** @type {import('node:child_process').ChildProcess} */
  #child;
  #spawnedAt = performance.now();
  #log;
  url = '';
  /** Milliseconds from spawn to the first 200, and the CPU that the process had used by then. */
  ready = { ms: 0, cpuMs: 0 };

  /** @param {string[]} args of node @param {Record<string, string>} env @param {string} log */
  constructor(args, env, log) {
    this.#log = log;
    const output = openSync(log, 'w');
    try {
      this.#child = spawn(process.execPath, args, {
        env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...env },
        stdio: ['ignore', output, output],
      });
    } finally {
      closeSync(output);
    }
    // Whatever happens here, no server is left behind.
    const end = () => this.#child.kill('SIGKILL');
    process.once('exit', end);
    this.#child.once('exit', () => process.off('exit', end));
  }

  /** Waits for the line with its `url`, then for 200 of `path`. @param {string} path */
  async untilReady(path = '/readyz') {
    for (;;) {
      const url = /(?:"url":"|Swagger UI +)(http[^"\s]+?)(?:"|\/docs)/.exec(
        readFileSync(this.#log, 'utf8'),
      )?.[1];
      if (url) {
        this.url = url;
        break;
      }
      await this.#pause();
    }
    return this.untilAnswers(`${this.url}${path}`);
  }

  /** @param {string} url */
  async untilAnswers(url) {
    while ((await get(url)).status !== 200) await this.#pause();
    this.ready = { ms: this.age, cpuMs: this.cpuMs };
    return this;
  }

  /** Milliseconds since the spawn. */
  get age() {
    return performance.now() - this.#spawnedAt;
  }

  get pid() {
    return this.#child.pid ?? 0;
  }

  get cpuMs() {
    return cpuMs(this.pid);
  }

  async stop() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    const late = setTimeout(() => this.#child.kill('SIGKILL'), 15_000);
    await exited;
    clearTimeout(late);
  }

  async #pause() {
    if (this.#child.exitCode !== null || this.age > START_DEADLINE) {
      throw new Error(`The server did not become ready:\n${readFileSync(this.#log, 'utf8')}`);
    }
    await sleep(POLL);
  }
}

/**
 * A gateway from `dist/`. Without `env` it installs nothing, so that what is measured is the gateway alone.
 * @param {string} dataDir @param {Record<string, string>} env @param {string[]} flags of node
 */
export function startGateway(dataDir, env = { OPNI_BOOTSTRAP_INSTALL: '' }, flags = []) {
  return new Server(
    [...flags, join(DIST, 'main.js'), 'gateway'],
    { OPNI_DATA_DIR: dataDir, OPNI_LISTEN: '127.0.0.1:0', OPNI_LOG_FORMAT: 'json', ...env },
    `${dataDir}.log`,
  );
}

/** @param {string} file `import.meta.resolve('./peers/…')` @param {string} log @param {string[]} args */
export function startPeer(file, log, args = []) {
  return new Server([fileURLToPath(file), ...args], {}, log);
}

/** Environment with which a gateway finds a real Alertmanager without downloading or building it in the measurement. */
export async function alertmanagerEnvironment() {
  const { FileComponentCatalogue } = await import(
    join(DIST, 'platform/components/file-component-catalogue.js')
  );
  const { defaultComponentsDir } = await import(join(DIST, 'platform/components/default-components-dir.js'));
  const catalogue = new FileComponentCatalogue({
    cacheDir: process.env['OPNI_COMPONENTS_DIR'] ?? defaultComponentsDir(),
    paths: { alertmanager: process.env['OPNI_COMPONENTS_ALERTMANAGER_PATH'] },
    mirror: process.env['OPNI_COMPONENTS_MIRROR'],
  });
  const { binaries } = await catalogue.resolve('alertmanager', {
    onProgress: (/** @type {{message: string}} */ { message }) => process.stderr.write(`${message}\n`),
  });
  return { OPNI_COMPONENTS_ALERTMANAGER_PATH: dirname(binaries.alertmanager) };
}

/**
 * One GET on a connection of its own.
 * @param {string} url
 * @returns {Promise<{status: number, text: string}>} status 0 while nothing listens
 */
export function get(url) {
  return new Promise((resolve) => {
    const failed = () => resolve({ status: 0, text: '' });
    http
      .get(url, { agent: false, timeout: 5_000 }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk) => (text += chunk));
        response.once('end', () => resolve({ status: response.statusCode ?? 0, text }));
        response.once('error', failed);
      })
      .once('timeout', function () {
        this.destroy();
      })
      .once('error', failed);
  });
}

/** User and system time of a process with all its threads. @param {number} pid */
export function cpuMs(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND;
}

/** Resident memory in MiB. @param {number} pid */
export function rssMiB(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

/** Runs with a temporary directory that is removed afterwards. @param {(directory: string) => Promise<void>} work */
export async function withDirectory(work) {
  const directory = mkdtempSync(join(tmpdir(), 'opni-bench-'));
  try {
    await work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
