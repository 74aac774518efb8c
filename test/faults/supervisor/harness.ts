import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { ProcessSupervisor } from '../../../src/drivers/local/process-supervisor.js';
import type {
  ProcessPhase,
  ProcessSpec,
  ProcessState,
} from '../../../src/drivers/local/supervised-process.js';
import { readStat } from '../../../src/drivers/local/supervisor/proc-fs.js';
import { findMarked } from '../../../src/drivers/local/supervisor/process-finder.js';
import { killMarked } from '../../../src/drivers/local/supervisor/process-group.js';
import { scopeOf } from '../../../src/drivers/local/supervisor/program.js';
import { DEFAULT_LOG_ROTATION } from '../../../src/drivers/local/supervisor/log-rotation.js';
import type { SupervisorOptions } from '../../../src/drivers/local/supervisor/supervisor-options.js';
import { eventually } from '../../support/eventually.js';
import { tempDir } from '../../support/temp-dir.js';

const here = fileURLToPath(new URL('.', import.meta.url));

export const serverProgram = join(here, 'server.mjs');

export interface Bench {
  directory: string;
  stateDir: string;
}

/** A directory for programs and a state directory; whatever still runs from them at the end is killed. */
export async function bench(): Promise<Bench> {
  const directory = await tempDir();
  const stateDir = join(directory, 'state');
  mkdirSync(stateDir);
  onTestFinished(async () => {
    const scope = scopeOf(stateDir);
    for (const { name } of findMarked(scope)) await killMarked({ scope, name });
  });
  return { directory, stateDir };
}

/** A supervisor with quick back-off; stops what it runs and is disposed when the test ends. */
export function supervise(stateDir: string, options: Partial<SupervisorOptions> = {}): ProcessSupervisor {
  const supervisor = new ProcessSupervisor({
    stateDir,
    restart: { backoff: { initial: 50, maximum: 400 }, healthyAfter: 60_000, crashLoopAfter: 5 },
    logRotation: { ...DEFAULT_LOG_ROTATION, interval: 50 },
    ...options,
  });
  onTestFinished(async () => {
    await supervisor.stopAll();
    supervisor.dispose();
  });
  return supervisor;
}

/** A shell script as a program; ready as soon as it runs unless told otherwise. */
export function shell(at: Bench, name: string, script: string, more: Partial<ProcessSpec> = {}): ProcessSpec {
  return {
    name,
    command: '/bin/sh',
    args: ['-c', script],
    cwd: at.directory,
    env: {},
    logFile: join(at.directory, `${name}.log`),
    ready: async () => true,
    stopTimeout: 5000,
    ...more,
  };
}

export function phase(
  supervisor: ProcessSupervisor,
  name: string,
  wanted: ProcessPhase,
  timeout = 10_000,
): Promise<ProcessState> {
  return eventually(
    `${name} is ${wanted}`,
    () => {
      const state = supervisor.state(name);
      return state?.phase === wanted ? state : undefined;
    },
    timeout,
  );
}

/** The pid that a script wrote with `echo $! > file`. */
export function pidIn(path: string): Promise<number> {
  return eventually(
    `${path} names a pid`,
    () => existsSync(path) && (Number(readFileSync(path, 'utf8').trim()) || undefined),
  );
}

export function runs(pid: number): boolean {
  const stat = readStat(pid);
  return stat !== null && stat.runState !== 'Z';
}

/** Starts the gateway of `dist` that supervises these programs; killed when the test ends. */
export function startGateway(stateDir: string, specs: ProcessSpec[]): ChildProcess {
  const gateway = spawn(process.execPath, [join(here, 'gateway.mjs'), JSON.stringify({ stateDir, specs })], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => kill9(gateway));
  return gateway;
}

/** Until it printed this word. */
export function says(gateway: ChildProcess, word: string): Promise<void> {
  let text = '';
  gateway.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return eventually(`the gateway says ${word}`, () => text.includes(word), 20_000).then(() => undefined);
}

export async function kill9(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}
