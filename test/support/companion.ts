import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once, setMaxListeners } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { onTestFinished } from 'vitest';
import type { CompanionSettings } from '../../src/alertmanager-companion/companion-api.js';
import { createAuthority, issueLeaf, type Issued } from '../../src/platform/tls/x509-builder.js';
import { alertmanagerBinaries } from './alertmanager.js';
import { eventually } from './eventually.js';
import { freePort } from './free-port.js';
import { tempDir } from './temp-dir.js';

const HOUR = 3_600_000;
const ENTRY = pathToFileURL(join(import.meta.dirname, '../../dist/alertmanager-companion/companion.js')).href;

export interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  text: string;
  // What a test expects of a body it says itself.
  json: <T = Record<string, unknown>>() => T;
}

export interface CallOptions {
  body?: string | Buffer;
  headers?: http.OutgoingHttpHeaders;
  /** Another identity than the gateway's; null for none. */
  identity?: Issued | null;
}

export function validity(): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(Date.now() - HOUR), notAfter: new Date(Date.now() + HOUR) };
}

export function newAuthority(): Promise<Issued> {
  return createAuthority('components', validity());
}

export function sha256(text: string | Buffer): string {
  return createHash('sha256').update(text).digest('hex');
}

/** A real companion process, from `dist/`, with certificates of a CA of its own, and its Alertmanager on demand. */
export class CompanionUnderTest {
  readonly url: string;
  readonly probeUrl: string;
  output = '';
  #child: ChildProcess | null = null;
  readonly #dropped = new AbortController();
  #alertmanager: ChildProcess | null = null;

  private constructor(
    readonly directory: string,
    readonly settings: CompanionSettings,
    readonly authority: Issued,
    readonly gateway: Issued,
  ) {
    this.url = `https://${settings.listen}`;
    this.probeUrl = `http://${settings.probeListen}`;
    setMaxListeners(0, this.#dropped.signal);
  }

  /** Prepares everything and starts nothing. Whatever was started is killed when the test ends. */
  static async prepare(options: { dataDir?: string } = {}): Promise<CompanionUnderTest> {
    const directory = await tempDir();
    const authority = await newAuthority();
    const [gateway, binaries] = await Promise.all([
      issueLeaf(authority, { commonName: 'gateway', usages: ['client'] }, validity()),
      alertmanagerBinaries(),
    ]);
    const tls = join(directory, 'tls');
    const settings: CompanionSettings = {
      member: 'controller-0',
      listen: `127.0.0.1:${await freePort()}`,
      probeListen: `127.0.0.1:${await freePort()}`,
      alertmanagerUrl: `http://127.0.0.1:${await freePort()}`,
      dataDir: options.dataDir ?? join(directory, 'data'),
      tls: {
        certificateFile: join(tls, 'tls.crt'),
        keyFile: join(tls, 'tls.key'),
        caFile: join(tls, 'ca.crt'),
      },
      binaries,
      logLevel: 'debug',
    };
    const companion = new CompanionUnderTest(directory, settings, authority, gateway);
    await mkdir(tls);
    await companion.renewCertificate();
    await companion.writeSettings(settings);
    onTestFinished(() => companion.killAll());
    return companion;
  }

  /** With both processes running. */
  static async start(): Promise<CompanionUnderTest> {
    const companion = await CompanionUnderTest.prepare();
    await companion.start();
    await companion.startAlertmanager();
    return companion;
  }

  async renewCertificate(): Promise<Issued> {
    const request = {
      commonName: 'controller-0',
      ipAddresses: ['127.0.0.1'],
      usages: ['server' as const, 'client' as const],
    };
    const leaf = await issueLeaf(this.authority, request, validity());
    const { certificateFile, keyFile, caFile } = this.settings.tls;
    await writeFile(caFile, this.authority.certificate);
    await writeFile(keyFile, leaf.key);
    await writeFile(certificateFile, leaf.certificate);
    return leaf;
  }

  async writeSettings(settings: unknown): Promise<void> {
    await writeFile(join(this.directory, 'settings.json'), JSON.stringify(settings));
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get alertmanagerYml(): string {
    return join(this.settings.dataDir, 'alertmanager.yml');
  }

  /** Starts it without waiting. */
  spawn(): ChildProcess {
    const script = `const { runCompanion } = await import(${JSON.stringify(ENTRY)});
      runCompanion(process.argv[1]).catch((error) => { process.stderr.write(error.message); process.exitCode = 1; });`;
    const child = spawn(
      process.execPath,
      ['--input-type=module', '-e', script, join(this.directory, 'settings.json')],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    }
    this.#child = child;
    return child;
  }

  async start(): Promise<void> {
    const child = this.spawn();
    await eventually('the companion is ready', async () => {
      if (child.exitCode !== null) throw new Error(this.output);
      return (await call(`${this.probeUrl}/readyz`, 'GET')).status === 200;
    });
  }

  /** @param cluster where it listens for others; not at all when left out */
  async startAlertmanager(cluster = ''): Promise<void> {
    const { alertmanagerUrl, binaries } = this.settings;
    const child = spawn(
      binaries.alertmanager,
      [
        `--config.file=${this.alertmanagerYml}`,
        `--storage.path=${join(this.directory, 'alertmanager')}`,
        `--web.listen-address=${new URL(alertmanagerUrl).host}`,
        `--cluster.listen-address=${cluster}`,
        '--log.level=warn',
      ],
      { stdio: 'ignore', env: {} },
    );
    this.#alertmanager = child;
    await eventually('Alertmanager is ready', async () => {
      if (child.exitCode !== null) throw new Error(`Alertmanager ended with ${child.exitCode}`);
      return (await call(`${alertmanagerUrl}/-/ready`, 'GET')).status === 200;
    });
  }

  get alertmanagerRuns(): boolean {
    return this.#alertmanager?.exitCode === null && this.#alertmanager.signalCode === null;
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<number | null> {
    return end(this.#child, signal);
  }

  async killAlertmanager(): Promise<void> {
    await end(this.#alertmanager, 'SIGKILL');
  }

  signalAlertmanager(signal: NodeJS.Signals): void {
    this.#alertmanager?.kill(signal);
  }

  async killAll(): Promise<void> {
    await Promise.all([this.kill(), this.killAlertmanager()]);
  }

  call(method: string, path: string, { body, headers, identity }: CallOptions = {}): Promise<Answer> {
    const leaf = identity === undefined ? this.gateway : identity;
    return call(`${this.url}${path}`, method, {
      ...(body === undefined ? {} : { body }),
      headers: headers ?? {},
      signal: this.#dropped.signal,
      tls: {
        ca: this.authority.certificate,
        ...(leaf === null ? {} : { cert: leaf.certificate, key: leaf.key }),
      },
    });
  }

  /** Breaks the connections of all calls that have no answer yet; no more can be made. */
  dropCalls(): void {
    this.#dropped.abort();
  }

  /** Sends a configuration with its right checksum. */
  put(config: unknown): Promise<Answer> {
    const body = typeof config === 'string' ? config : JSON.stringify(config);
    return this.call('PUT', `/v1/config/${sha256(body)}`, { body });
  }
}

/** One request on a connection of its own. */
export function call(
  url: string,
  method: string,
  options: {
    body?: string | Buffer;
    headers?: http.OutgoingHttpHeaders;
    tls?: https.RequestOptions;
    signal?: AbortSignal;
  } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const client = url.startsWith('https:') ? https : http;
    // Options and not a URL, which would resolve `..` before anything is sent.
    const { protocol, hostname, port, origin } = new URL(url);
    const request = client.request({
      ...options.tls,
      protocol,
      hostname,
      port,
      path: url.slice(origin.length),
      method,
      headers: {
        ...options.headers,
        ...(options.body === undefined ? {} : { 'content-length': Buffer.byteLength(options.body) }),
      },
      agent: false,
      timeout: 90_000,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    request.once('error', reject);
    request.once('timeout', () => request.destroy(new Error(`No answer to ${method} ${url}`)));
    request.once('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.once('error', reject);
      response.once('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text,
          json: <T>() => JSON.parse(text) as T,
        }),
      );
    });
    request.end(options.body);
  });
}

async function end(child: ChildProcess | null, signal: NodeJS.Signals): Promise<number | null> {
  if (child === null) return null;
  if (child.exitCode === null && child.signalCode === null) {
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }
  return child.exitCode;
}
