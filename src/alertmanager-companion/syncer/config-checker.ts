import { execFile } from 'node:child_process';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurably } from '../durable-files.js';
import { temporaryName } from '../../platform/files/atomic-file.js';
import type { ConfigCheck } from '../companion-api.js';
import { loadDeadline } from '../companion-api.js';

const CONCURRENCY = 2;

/** Asks the member's own `amtool` what it thinks of a configuration. */
export class ConfigChecker {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /** @param scratchDir where configurations stand while they are checked */
  constructor(
    private readonly amtool: string,
    private readonly scratchDir: string,
  ) {}

  /** Checks a file that stands where it will stay. The reason is in amtool's words, secrets included. */
  async checkFile(path: string): Promise<ConfigCheck> {
    await this.#enter();
    try {
      return await run(this.amtool, path, loadDeadline((await stat(path)).size));
    } finally {
      this.#leave();
    }
  }

  /** Checks a text without keeping it. */
  async checkText(text: string): Promise<ConfigCheck> {
    const path = temporaryName(join(this.scratchDir, 'check.yml'));
    try {
      await writeDurably(path, text);
      return await this.checkFile(path);
    } finally {
      await rm(path, { force: true });
    }
  }

  async #enter(): Promise<void> {
    if (this.#running < CONCURRENCY) this.#running += 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running -= 1;
    else next();
  }
}

function run(amtool: string, path: string, deadline: number): Promise<ConfigCheck> {
  return new Promise((resolve, reject) => {
    const options = { timeout: deadline, killSignal: 'SIGKILL', env: {}, maxBuffer: 1024 * 1024 } as const;
    execFile(amtool, ['check-config', path], options, (error, stdout, stderr) => {
      if (error === null) return resolve({ accepted: true, reason: null });
      if (typeof error.code === 'string') {
        return reject(
          new Error(`amtool could not be run (${error.code}): check "binaries.amtool", ${amtool}.`),
        );
      }
      if (error.killed)
        return resolve({ accepted: false, reason: `amtool took longer than ${deadline} ms.` });
      resolve({ accepted: false, reason: reasonIn(`${stdout}\n${stderr}`, path) });
    });
  });
}

/** What is worth telling of the output of a check that failed. */
export function reasonIn(output: string, path: string): string {
  const text = output.replaceAll(path, 'the configuration');
  const panic = /panic: (.*)/.exec(text)?.[1];
  if (panic !== undefined)
    return `The configuration crashes amtool, and would crash Alertmanager (${panic}).`;
  const failed = /FAILED: ([\s\S]*?)\s*(?:amtool: error|$)/.exec(text)?.[1];
  return (failed ?? text).trim() || 'amtool refused it without a reason.';
}
