import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { writeDurably } from '../durable-files.js';

/** The scratch Alertmanager ended or could not be started; the message is in its own words, secrets included. */
export class ScratchError extends Error {}

/** An Alertmanager for one test: own directory, own port, no cluster, gone afterwards. */
export class ScratchAlertmanager {
  /** Rejects when it ends before it is stopped. */
  readonly ended: Promise<never>;
  /** Rejects when it says that it could not notify. */
  readonly notifyFailed: Promise<never>;
  readonly #url: Promise<string>;
  #lastError = '';

  private constructor(
    private readonly child: ChildProcess,
    private readonly directory: string,
  ) {
    this.ended = new Promise((_resolve, reject) => {
      child.once('error', (error) => reject(new ScratchError(`it could not be started: ${error.message}`)));
      child.once('exit', (code, signal) => {
        reject(new ScratchError(this.#lastError || `it ended (${signal ?? `exit code ${code}`})`));
      });
    });
    let failed: (error: ScratchError) => void = () => undefined;
    this.notifyFailed = new Promise((_resolve, reject) => (failed = reject));
    let listening: (url: string) => void = () => undefined;
    this.#url = new Promise((resolve) => (listening = resolve));
    for (const promise of [this.ended, this.notifyFailed]) promise.catch(() => undefined);
    if (child.stderr === null) return;
    createInterface({ input: child.stderr }).on('line', (line) => {
      const address = /msg="Listening on" address=(\S+)/.exec(line)?.[1];
      if (address !== undefined) listening(`http://${address}`);
      const error = errorIn(line);
      if (error === null) return;
      this.#lastError = error;
      if (/msg="Notify (for alerts|attempt) failed/.test(line)) failed(new ScratchError(error));
    });
  }

  /** @param scratchDir where its directory is made @param config text of its configuration */
  static async start(binary: string, scratchDir: string, config: string): Promise<ScratchAlertmanager> {
    const directory = join(scratchDir, randomUUID());
    await mkdir(directory, { recursive: true, mode: 0o700 });
    try {
      const file = join(directory, 'alertmanager.yml');
      await writeDurably(file, config);
      const child = spawn(
        binary,
        [
          `--config.file=${file}`,
          `--storage.path=${join(directory, 'data')}`,
          '--web.listen-address=127.0.0.1:0',
          '--cluster.listen-address=',
        ],
        // Nothing is inherited: variables for clouds and proxies would change how it delivers.
        { cwd: directory, env: {}, detached: true, stdio: ['ignore', 'ignore', 'pipe'] },
      );
      return new ScratchAlertmanager(child, directory);
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  /** Resolves with `http://host:port` when it listens. @throws ScratchError when it ends instead */
  async url(): Promise<string> {
    return Promise.race([this.#url, this.ended]);
  }

  /** Ends the process group and removes everything. */
  async stop(): Promise<void> {
    const { pid } = this.child;
    if (pid !== undefined && this.child.exitCode === null && this.child.signalCode === null) {
      const exited = once(this.child, 'exit');
      killGroup(pid);
      await exited;
    }
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** Ends and removes what tests of a killed companion left behind. Nothing else may use the directory meanwhile. */
export async function sweepScratch(scratchDir: string): Promise<void> {
  const leftovers = await readdir(scratchDir);
  if (leftovers.length === 0) return;
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    const ours = leftovers.some((name) => command.includes(`\0--config.file=${join(scratchDir, name)}/`));
    if (ours) killGroup(Number(pid));
  }
  for (const name of leftovers) await rm(join(scratchDir, name), { recursive: true, force: true });
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended in the meantime.
  }
}

/** The `err` of a log line (logfmt), unquoted, or null. */
function errorIn(line: string): string | null {
  if (!/ level=(WARN|ERROR) /.test(line)) return null;
  const quoted = / err="((?:[^"\\]|\\.)*)"/.exec(line)?.[1];
  if (quoted !== undefined) return quoted.replace(/\\(["\\])/g, '$1').replaceAll('\\n', '\n');
  return / err=(\S+)/.exec(line)?.[1] ?? null;
}
