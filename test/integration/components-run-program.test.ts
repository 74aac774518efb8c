import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { runProgram } from '../../src/platform/components/run-program.js';
import { eventually } from '../support/eventually.js';

/** Starts a grandchild that would work for ten minutes, prints its id, and then does `rest`. */
const withGrandchild = (rest: string): string[] => ['-c', `sleep 600 >/dev/null 2>&1 & echo $!; ${rest}`];

async function gone(pid: number): Promise<boolean> {
  return eventually(`process ${pid} is gone`, async () => {
    const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
    // A zombie has ended; that nobody reaps it is the container's affair.
    return status === undefined || status.includes(') Z ');
  });
}

describe('what a program started', () => {
  it('ends with it when it is aborted', async () => {
    const abort = new AbortController();
    let pid = 0;
    const running = runProgram('/bin/sh', withGrandchild('wait'), {
      deadline: 60_000,
      signal: abort.signal,
      onLine: (line) => {
        pid = Number(line);
        abort.abort(new Error('enough'));
      },
    });
    await expect(running).rejects.toThrow('enough');
    expect(await gone(pid)).toBe(true);
  });

  it('ends with it at the deadline, even when it ignores requests to stop', async () => {
    const result = await runProgram(
      '/bin/sh',
      withGrandchild("trap '' TERM; while :; do wait; sleep 1; done"),
      {
        deadline: 300,
      },
    );
    expect(result).toMatchObject({ ok: false, reason: 'it did not finish within 0.3 s' });
    expect(await gone(Number(result.output))).toBe(true);
  });

  it('does not outlive its normal end', async () => {
    const result = await runProgram('/bin/sh', withGrandchild('exit 0'), { deadline: 60_000 });
    expect(result).toMatchObject({ ok: true, reason: '' });
    expect(await gone(Number(result.output))).toBe(true);
  });
});

describe('a program that cannot run', () => {
  it.each([
    ['is missing', '/nowhere/program', /cannot be started: .*ENOENT/],
    ['is a directory', '/', /cannot be started: .*EACCES/],
    ['is no program', '/bin/sh/program', /cannot be started: .*ENOTDIR/],
  ])('because it %s is a result with the reason', async (_what, file, reason) => {
    const result = await runProgram(file, [], { deadline: 1_000 });
    expect(result.ok).toBe(false);
    expect(result.reason).toMatch(reason);
  });
});
