import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readStat } from '../../src/drivers/local/supervisor/proc-fs.js';
import { findMarked, isLeader } from '../../src/drivers/local/supervisor/process-finder.js';
import { scopeOf } from '../../src/drivers/local/supervisor/program.js';
import { eventually } from '../support/eventually.js';
import { bench, phase, pidIn, runs, shell, serverProgram, supervise } from './supervisor/harness.js';
import { PortRegistry } from '../../src/drivers/local/ports/port-registry.js';

const FOREVER = 'exec sleep 1000';

describe('a program under supervision', () => {
  it('runs in a session of its own and is left alone when it is asked for again', async () => {
    const at = await bench();
    const supervisor = supervise(at.stateDir);
    await supervisor.ensure(shell(at, 'calm', FOREVER, { logFile: join(at.directory, 'logs', 'calm.log') }));
    const { pid } = await phase(supervisor, 'calm', 'ready');
    expect(readStat(pid ?? 0)).toMatchObject({ processGroup: pid, session: pid });

    await supervisor.ensure(shell(at, 'calm', FOREVER, { stopTimeout: 6000 }));
    expect(supervisor.state('calm')).toMatchObject({
      pid,
      restarts: 0,
      lastExit: null,
      lastOutput: [],
      adopted: false,
    });
  });

  it('is started again after kill -9, and the death stays visible', async () => {
    const at = await bench();
    const supervisor = supervise(at.stateDir);
    await supervisor.ensure(shell(at, 'victim', `echo alive; ${FOREVER}`));
    const { pid } = await phase(supervisor, 'victim', 'ready');
    await eventually('it printed', () =>
      readFileSync(join(at.directory, 'victim.log'), 'utf8').includes('alive'),
    );
    process.kill(pid ?? 0, 'SIGKILL');

    const state = await eventually('another one is ready', () => {
      const now = supervisor.state('victim');
      return now?.phase === 'ready' && now.pid !== pid ? now : undefined;
    });
    expect(state).toMatchObject({
      restarts: 1,
      lastExit: { code: null, signal: 'SIGKILL' },
      lastOutput: ['alive'],
    });
    expect(Date.now() - Date.parse(state.lastExit?.at ?? '')).toBeLessThan(60_000);
  });

  it('is replaced when it changes: the old one ends gracefully before the new one starts', async () => {
    const at = await bench();
    const supervisor = supervise(at.stateDir);
    const script = (name: string): string =>
      `echo ${name} begins >> diary; trap "sleep 0.3; echo ${name} ends >> diary; exit 0" TERM; while :; do sleep 0.05; done`;
    const diary = (): string[] => readFileSync(join(at.directory, 'diary'), 'utf8').trim().split('\n');
    await supervisor.ensure(shell(at, 'diarist', script('one')));
    await eventually('one is there', () => diary().length === 1);
    await supervisor.ensure(shell(at, 'diarist', script('two')));
    await eventually('two is there', () => diary().length === 3);
    expect(diary()).toEqual(['one begins', 'one ends', 'two begins']);
    expect(supervisor.state('diarist')).toMatchObject({ restarts: 1, lastExit: { code: 0, signal: null } });
  });

  it('that is asked for again while it is being removed runs in the end, once', async () => {
    const at = await bench();
    const supervisor = supervise(at.stateDir);
    const spec = shell(
      at,
      'regretted',
      'trap "sleep 0.3; exit 0" TERM; touch armed; while :; do sleep 0.05; done',
    );
    await supervisor.ensure(spec);
    const pid = supervisor.state('regretted')?.pid;
    await eventually('it listens to signals', () => existsSync(join(at.directory, 'armed')));
    await Promise.all([supervisor.remove('regretted'), supervisor.ensure(spec), supervisor.ensure(spec)]);
    const state = await phase(supervisor, 'regretted', 'ready');
    expect(state.pid).not.toBe(pid);
    const running = findMarked(scopeOf(at.stateDir)).filter(isLeader);
    expect(running.map((each) => each.pid)).toEqual([state.pid]);
  });

  it('crash-loops visibly, with its last lines, and recovers when the cause is gone', async () => {
    const at = await bench();
    const supervisor = supervise(at.stateDir);
    const script =
      'if [ -e repaired ]; then exec sleep 1000; fi; i=0; while [ $i -lt 30 ]; do i=$((i+1)); echo line $i; done; printf "\\033[31mport is taken\\033[0m\\007\\n" >&2; exit 7';
    await supervisor.ensure(
      shell(at, 'looper', script, { ready: async () => existsSync(join(at.directory, 'repaired')) }),
    );
    const state = await phase(supervisor, 'looper', 'crash-looping');
    expect(state.lastExit).toMatchObject({ code: 7, signal: null });
    expect(state.lastOutput).toHaveLength(20);
    expect(state.lastOutput.at(-1)).toBe('port is taken\ufffd');
    expect(state.lastOutput[0]).toBe('line 12');
    await expect(
      supervisor.untilReady('looper', { signal: AbortSignal.timeout(5000) }),
    ).rejects.toMatchObject({
      code: 'process-crash-looping',
      message: expect.stringContaining('port is taken'),
    });

    writeFileSync(join(at.directory, 'repaired'), '');
    expect((await phase(supervisor, 'looper', 'ready')).restarts).toBeGreaterThanOrEqual(5);
  });

  it('says why it cannot be started: no such program, no such directory', async () => {
    const at = await bench();
    const supervisor = supervise(at.stateDir);
    await supervisor.ensure(shell(at, 'ghost', '', { command: join(at.directory, 'missing') }));
    expect(supervisor.state('ghost')).toMatchObject({
      pid: null,
      error: expect.stringMatching(/^spawn .*missing ENOENT$/),
    });
    await phase(supervisor, 'ghost', 'crash-looping');

    await supervisor.ensure(shell(at, 'homeless', FOREVER, { cwd: join(at.directory, 'nowhere') }));
    expect(supervisor.state('homeless')?.error).toMatch(/working directory .*nowhere/);
  });

  it('may print megabytes: the disk stays bounded and it runs on', async () => {
    const at = await bench();
    const logRotation = { maxBytes: 200_000, files: 3, interval: 20 };
    const supervisor = supervise(at.stateDir, { logRotation });
    const lines =
      'i=0; while [ $i -lt 40000 ]; do i=$((i+1)); echo "a line of some fifty characters, this is number $i"; [ $((i % 400)) = 0 ] && sleep 0.01; done';
    await supervisor.ensure(shell(at, 'talker', `${lines}; echo done > done; ${FOREVER}`));
    const { pid } = await phase(supervisor, 'talker', 'ready');
    const log = join(at.directory, 'talker.log');
    const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    let largest = 0;
    await eventually(
      'it printed everything',
      () => {
        largest = Math.max(
          largest,
          [log, `${log}.1`, `${log}.2`, `${log}.3`].map(sizeOf).reduce((a, b) => a + b),
        );
        return existsSync(join(at.directory, 'done'));
      },
      60_000,
    );
    await eventually('the log is rotated', () => sizeOf(log) <= logRotation.maxBytes);
    // Two million bytes were printed; three files and what came between two looks may be there.
    expect(largest).toBeLessThan(1_200_000);
    expect(sizeOf(`${log}.1`)).toBeLessThanOrEqual(logRotation.maxBytes);
    expect(existsSync(`${log}.2`)).toBe(true);
    expect(existsSync(`${log}.3`)).toBe(false);
    expect(supervisor.state('talker')).toMatchObject({ phase: 'ready', pid, restarts: 0 });
  });

  it('takes its children with it: asked to stop, killed with -9, and those in a session of their own', async () => {
    const at = await bench();
    const supervisor = supervise(at.stateDir);
    const deaf = `(trap "" TERM; while :; do sleep 0.1; done) & echo $! > deaf; setsid sleep 1000 & echo $! > away; wait`;
    await supervisor.ensure(shell(at, 'parent', deaf, { stopTimeout: 300 }));
    const first = [await pidIn(join(at.directory, 'deaf')), await pidIn(join(at.directory, 'away'))];
    expect(first.every(runs)).toBe(true);
    writeFileSync(join(at.directory, 'deaf'), '');
    writeFileSync(join(at.directory, 'away'), '');
    process.kill(supervisor.state('parent')?.pid ?? 0, 'SIGKILL');
    await eventually('the orphans are gone', () => !first.some(runs));

    const second = [await pidIn(join(at.directory, 'deaf')), await pidIn(join(at.directory, 'away'))];
    expect(second.every(runs)).toBe(true);
    await supervisor.remove('parent');
    expect(second.some(runs)).toBe(false);
    expect(supervisor.state('parent')).toBeUndefined();
  });

  it('is killed when it ignores SIGTERM', async () => {
    const at = await bench();
    const supervisor = supervise(at.stateDir);
    await supervisor.ensure(
      shell(at, 'stubborn', 'trap "" TERM; echo set > trap; while :; do sleep 0.1; done', {
        stopTimeout: 200,
      }),
    );
    await eventually('it is deaf', () => existsSync(join(at.directory, 'trap')));
    await supervisor.stopAll();
    expect(supervisor.state('stubborn')).toMatchObject({
      phase: 'stopped',
      pid: null,
      lastExit: { signal: 'SIGKILL' },
    });
  });

  it('is unready within 5 s when it hangs, ready again when it goes on, and can be stopped while it hangs', async () => {
    const at = await bench();
    const port = await new PortRegistry({ stateDir: at.stateDir }).port('hanger');
    const supervisor = supervise(at.stateDir);
    const ready = async (signal: AbortSignal): Promise<boolean> =>
      (await fetch(`http://127.0.0.1:${port}`, { signal })).ok;
    await supervisor.ensure(
      shell(at, 'hanger', '', { command: process.execPath, args: [serverProgram, String(port)], ready }),
    );
    await supervisor.untilReady('hanger', { signal: AbortSignal.timeout(10_000) });
    const pid = supervisor.state('hanger')?.pid ?? 0;
    process.kill(pid, 'SIGSTOP');
    await phase(supervisor, 'hanger', 'unready', 5000);
    process.kill(pid, 'SIGCONT');
    await phase(supervisor, 'hanger', 'ready', 5000);
    process.kill(pid, 'SIGSTOP');
    await supervisor.remove('hanger');
    expect(runs(pid)).toBe(false);
  });

  it('sees the allow-listed environment and nothing else', async () => {
    const at = await bench();
    process.env['AWS_SECRET_ACCESS_KEY'] = 'planted';
    onTestFinished(() => void delete process.env['AWS_SECRET_ACCESS_KEY']);
    const supervisor = supervise(at.stateDir);
    await supervisor.ensure(
      shell(at, 'reader', `env > seen.tmp; mv seen.tmp seen; ${FOREVER}`, { env: { GIVEN: 'yes' } }),
    );
    const seen = await eventually('it wrote what it sees', () => {
      const file = join(at.directory, 'seen');
      return existsSync(file) && readFileSync(file, 'utf8');
    });
    const names = seen
      .trim()
      .split('\n')
      .map((line) => line.split('=')[0]);
    expect(names).toContain('GIVEN');
    expect(names).toContain('PATH');
    const allowed = [
      'PATH',
      'HOME',
      'TZ',
      'LANG',
      'LC_ALL',
      'TMPDIR',
      'GIVEN',
      'OPNI_PROCESS',
      'PWD',
      'OLDPWD',
      'SHLVL',
      '_',
    ];
    expect(names.filter((name) => !allowed.includes(name ?? ''))).toEqual([]);
  });

  it('is told to listeners, and untilReady names the reason when time is up', async () => {
    const at = await bench();
    const supervisor = supervise(at.stateDir);
    const phases: string[] = [];
    supervisor.onChange(() => {
      throw new Error('a bad listener harms nobody');
    });
    const unsubscribe = supervisor.onChange((state) => phases.push(state.phase));
    let open = false;
    await supervisor.ensure(shell(at, 'slow', FOREVER, { ready: async () => open }));
    await expect(supervisor.untilReady('slow', { signal: AbortSignal.timeout(300) })).rejects.toMatchObject({
      code: 'process-not-ready',
    });
    open = true;
    await supervisor.untilReady('slow', { signal: AbortSignal.timeout(5000) });
    await supervisor.remove('slow');
    unsubscribe();
    expect(phases).toEqual(['starting', 'ready', 'stopping', 'stopped']);
    await expect(supervisor.untilReady('slow', { signal: AbortSignal.timeout(5000) })).rejects.toMatchObject({
      code: 'process-stopped',
    });
  });
});
