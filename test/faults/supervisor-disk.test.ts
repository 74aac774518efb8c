import { execFileSync } from 'node:child_process';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, type TestContext } from 'vitest';
import { eventually } from '../support/eventually.js';
import { tempDir } from '../support/temp-dir.js';
import { phase, shell, supervise, type Bench } from './supervisor/harness.js';

/** A real file system of one megabyte; the test is skipped where this user may not mount one. */
async function smallDisk(context: TestContext): Promise<Bench> {
  const directory = await tempDir();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', directory], { stdio: 'pipe' });
  } catch {
    context.skip('mounting a small file system needs root');
  }
  // Lazily: a program may still be ending in it.
  onTestFinished(() => void execFileSync('umount', ['-l', directory]));
  const stateDir = join(directory, 'state');
  mkdirSync(stateDir);
  return { directory, stateDir };
}

function fill(directory: string, leave: number): void {
  const blocks = Math.floor((1024 * 1024 - leave) / 4096);
  try {
    for (let block = 0; block < blocks; block += 1) {
      writeFileSync(join(directory, 'junk'), Buffer.alloc(4096), { flag: 'a' });
    }
  } catch {
    // Full, as intended.
  }
}

describe('a full disk', () => {
  it('keeps no program from being restarted, nor from being found by the next gateway', async (context) => {
    const at = await smallDisk(context);
    const warnings: string[] = [];
    const logger = {
      info: () => undefined,
      warn: (_fields: object, message: string) => void warnings.push(message),
      error: () => undefined,
    };
    const first = supervise(at.stateDir, { logger });
    const spec = shell(at, 'worker', 'echo hello; exec sleep 1000');
    await first.ensure(spec);
    const { pid: before } = await phase(first, 'worker', 'ready');
    fill(at.directory, 0);
    process.kill(before ?? 0, 'SIGKILL');
    const { pid } = await eventually('its successor is ready', () => {
      const state = first.state('worker');
      return state?.phase === 'ready' && state.pid !== before ? state : undefined;
    });
    await eventually('the missing record is reported', () =>
      warnings.some((each) => each.includes('record')),
    );
    first.dispose();

    const second = supervise(at.stateDir);
    await second.ensure(spec);
    expect(second.state('worker')).toMatchObject({ pid, adopted: true });
  });

  it('is not made worse by a log file: it is truncated even where no copy fits', async (context) => {
    const at = await smallDisk(context);
    fill(at.directory, 500_000);
    const supervisor = supervise(at.stateDir, { logRotation: { maxBytes: 300_000, files: 3, interval: 20 } });
    const line = 'x'.repeat(2000);
    await supervisor.ensure(shell(at, 'talker', `while :; do echo ${line}; sleep 0.001; done 2>/dev/null`));
    const { pid } = await phase(supervisor, 'talker', 'ready');
    const log = join(at.directory, 'talker.log');
    await eventually('the log has grown', () => statSync(log).size > 280_000, 30_000);
    await eventually('the log was truncated', () => statSync(log).size < 200_000, 30_000);
    expect(supervisor.state('talker')).toMatchObject({ phase: 'ready', pid, restarts: 0 });
  });

  it('that is read-only is named', async (context) => {
    const at = await smallDisk(context);
    execFileSync('mount', ['-o', 'remount,ro', at.directory]);
    const supervisor = supervise(at.stateDir);
    await expect(supervisor.ensure(shell(at, 'worker', 'exec sleep 1000'))).rejects.toMatchObject({
      code: 'read-only-file-system',
      message: expect.stringContaining(at.stateDir),
    });
  });
});
