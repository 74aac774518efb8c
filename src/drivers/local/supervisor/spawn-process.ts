import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, fstatSync, mkdirSync, openSync, readSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf } from '../../../platform/errors.js';
import type { ProcessSpec } from '../supervised-process.js';
import { childEnvironment, type Marker } from './program.js';

/** The line that we write into a log file before a start, so that what a run printed can be told from the run before. */
export function startLine(name: string, startedAt: string): string {
  return `# opni: starting ${name} at ${startedAt}`;
}

/**
 * Starts a program in a session and process group of its own, with both streams appended to its log file (made with its directory): no pipe
 * that dies with us, no terminal whose Ctrl-C reaches it.
 * @returns the child, which has a pid
 * @throws Error whose message says why it could not be started, e.g. `spawn /x ENOENT`
 */
export async function spawnProcess(
  spec: ProcessSpec,
  marker: Marker,
  startedAt: string,
): Promise<ChildProcess & { pid: number }> {
  if (!isDirectory(spec.cwd))
    throw new Error(`the working directory ${spec.cwd} does not exist or is not a directory`);
  mkdirSync(dirname(spec.logFile), { recursive: true, mode: 0o700 });
  const log = openSync(spec.logFile, 'a+', 0o600);
  try {
    writeStartLine(log, startLine(spec.name, startedAt));
    const child = spawn(spec.command, spec.args, {
      cwd: spec.cwd,
      env: childEnvironment(process.env, spec.env, marker),
      detached: true,
      stdio: ['ignore', log, log],
    });
    if (child.pid !== undefined) return child as ChildProcess & { pid: number };
    throw await new Promise<Error>((resolve) => child.once('error', resolve));
  } finally {
    closeSync(log);
  }
}

/** A full disk must not keep a program from running, so a failure here is none. */
function writeStartLine(log: number, line: string): void {
  try {
    const size = fstatSync(log).size;
    const last = Buffer.alloc(1);
    const broken = size > 0 && readSync(log, last, 0, 1, size - 1) === 1 && last[0] !== 0x0a;
    writeSync(log, `${broken ? '\n' : ''}${line}\n`);
  } catch (error) {
    process.emitWarning(`The start of a program is not in its log file: ${messageOf(error)}`);
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
