import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { messageOf } from '../errors.js';

export interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Milliseconds until the whole process group is killed. */
  deadline: number;
  signal?: AbortSignal | undefined;
  /** Each line of either stream, as it comes. */
  onLine?: (line: string) => void;
}

/** How a program ended. `output` is the end of both its streams. */
export interface RunResult {
  ok: boolean;
  output: string;
  /** Why it is not `ok`, in words. */
  reason: string;
}

const OUTPUT_KEPT = 64 * 1024;
/** What a compiler gets to remove its temporary files before it is killed. */
const GRACE_MS = 2_000;

/**
 * Runs a program to its end, in a process group of its own, so that nothing it started outlives a deadline, an abort or our own exit.
 * @throws the signal's reason when it is aborted; never for what the program does
 */
export async function runProgram(file: string, args: string[], options: RunOptions): Promise<RunResult> {
  options.signal?.throwIfAborted();
  const result = await new Promise<RunResult>((resolve) => {
    const child = start(file, args, options);
    if (typeof child === 'string') {
      resolve({ ok: false, output: '', reason: child });
      return;
    }
    let output = '';
    let late = false;
    let forced: NodeJS.Timeout | undefined;
    const killGroup = (signal: NodeJS.Signals): void => {
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, signal);
      } catch {
        // The group is gone already.
      }
    };
    const stop = (): void => {
      killGroup('SIGTERM');
      forced ??= setTimeout(() => killGroup('SIGKILL'), GRACE_MS);
    };
    const deadline = setTimeout(() => {
      late = true;
      stop();
    }, options.deadline);
    const onExit = (): void => killGroup('SIGKILL');
    process.once('exit', onExit);
    options.signal?.addEventListener('abort', stop, { once: true });

    for (const stream of [child.stdout, child.stderr]) {
      let line = '';
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        output = (output + chunk).slice(-OUTPUT_KEPT);
        const lines = (line + chunk).split('\n');
        line = (lines.pop() ?? '').slice(-OUTPUT_KEPT);
        for (const complete of lines) options.onLine?.(complete);
      });
    }

    const finish = (ok: boolean, reason: string): void => {
      clearTimeout(deadline);
      clearTimeout(forced);
      process.off('exit', onExit);
      options.signal?.removeEventListener('abort', stop);
      resolve({ ok, output, reason });
    };
    child.once('error', (error) => finish(false, notStarted(error)));
    child.once('close', (code, signal) => {
      // What the program left running holds no pipe of ours any more, but may still work.
      killGroup('SIGKILL');
      if (late) finish(false, `it did not finish within ${options.deadline / 1000} s`);
      else if (code === 0) finish(true, '');
      else finish(false, signal === null ? `it ended with exit code ${code}` : `it was ended by ${signal}`);
    });
  });
  options.signal?.throwIfAborted();
  return result;
}

/** Node throws some errors of `exec` (a busy file, a wrong format) and emits others: here both become words. */
function start(
  file: string,
  args: string[],
  options: RunOptions,
): ChildProcessByStdio<null, Readable, Readable> | string {
  try {
    return spawn(file, args, {
      cwd: options.cwd,
      env: options.env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } catch (error) {
    return notStarted(error);
  }
}

function notStarted(error: unknown): string {
  return `it cannot be started: ${messageOf(error)}`;
}
