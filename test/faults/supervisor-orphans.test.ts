import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ProcessSpec } from '../../src/drivers/local/supervised-process.js';
import { readBootId, readStat } from '../../src/drivers/local/supervisor/proc-fs.js';
import { findMarked, isLeader } from '../../src/drivers/local/supervisor/process-finder.js';
import { programHash, scopeOf } from '../../src/drivers/local/supervisor/program.js';
import { eventually } from '../support/eventually.js';
import {
  bench,
  kill9,
  phase,
  runs,
  says,
  shell,
  startGateway,
  supervise,
  type Bench,
} from './supervisor/harness.js';

const TALK = 'i=0; while :; do i=$((i+1)); echo line $i; sleep 0.05; done';

function recordPath(at: Bench, name: string): string {
  return join(at.stateDir, 'processes', `${name}.json`);
}

function leaders(at: Bench, name: string): number[] {
  return findMarked(scopeOf(at.stateDir), name)
    .filter(isLeader)
    .map(({ pid }) => pid);
}

/** A gateway that started these and was killed with -9. @returns the pids of what it left, by name */
async function abandoned(at: Bench, specs: ProcessSpec[]): Promise<Record<string, number>> {
  const gateway = startGateway(at.stateDir, specs);
  await says(gateway, 'up');
  await kill9(gateway);
  return Object.fromEntries(
    specs.map(({ name }) => [
      name,
      (JSON.parse(readFileSync(recordPath(at, name), 'utf8')) as { pid: number }).pid,
    ]),
  );
}

describe('after kill -9 of the gateway', () => {
  it('a program lives on and logs on; the next gateway takes it over, notices its death and restarts it', async () => {
    const at = await bench();
    const spec = shell(at, 'talker', TALK);
    const { talker = 0 } = await abandoned(at, [spec]);
    const size = statSync(spec.logFile).size;
    await eventually('it still logs', () => statSync(spec.logFile).size > size);

    const supervisor = supervise(at.stateDir);
    await supervisor.ensure(spec);
    const adopted = await phase(supervisor, 'talker', 'ready');
    expect(adopted).toMatchObject({ pid: talker, adopted: true, restarts: 0, lastExit: null });
    expect(leaders(at, 'talker')).toEqual([talker]);

    process.kill(talker, 'SIGKILL');
    const next = await eventually('its successor is ready', () => {
      const state = supervisor.state('talker');
      return state?.phase === 'ready' && state.pid !== talker ? state : undefined;
    });
    expect(next).toMatchObject({ adopted: false, restarts: 1, lastExit: { code: null, signal: null } });
    expect(next.lastOutput.at(-1)).toMatch(/^line \d+$/);
  });

  it('an adopted program is stopped gracefully when asked', async () => {
    const at = await bench();
    const spec = shell(at, 'polite', 'trap "echo bye > bye; exit 0" TERM; while :; do sleep 0.05; done');
    const { polite = 0 } = await abandoned(at, [spec]);
    const supervisor = supervise(at.stateDir);
    await supervisor.ensure(spec);
    await supervisor.remove('polite');
    expect(runs(polite)).toBe(false);
    expect(existsSync(join(at.directory, 'bye'))).toBe(true);
    expect(existsSync(recordPath(at, 'polite'))).toBe(false);
  });

  it.each([
    ['arguments', { args: ['-c', `${TALK} # changed`] }],
    ['environment', { env: { CHANGED: 'yes' } }],
  ])('a program whose %s changed is replaced', async (_what, change) => {
    const at = await bench();
    const { talker = 0 } = await abandoned(at, [shell(at, 'talker', TALK)]);
    const supervisor = supervise(at.stateDir);
    await supervisor.ensure(shell(at, 'talker', TALK, change));
    expect(runs(talker)).toBe(false);
    expect(await phase(supervisor, 'talker', 'ready')).toMatchObject({ adopted: false, restarts: 1 });
    expect(leaders(at, 'talker')).toEqual([supervisor.state('talker')?.pid]);
  });

  it.each([
    ['was never written', (path: string): void => rmSync(path)],
    ['is cut off', (path: string): void => writeFileSync(path, '{"name": "talk')],
    ['says something else', (path: string): void => writeFileSync(path, '{"pid": "x"}')],
  ])('a program whose record %s is found all the same', async (_what, damage) => {
    const at = await bench();
    const spec = shell(at, 'talker', TALK);
    const { talker } = await abandoned(at, [spec]);
    damage(recordPath(at, 'talker'));
    const supervisor = supervise(at.stateDir);
    await supervisor.ensure(spec);
    expect(supervisor.state('talker')).toMatchObject({ pid: talker, adopted: true });
    const started = Date.parse(supervisor.state('talker')?.startedAt ?? '');
    expect(Math.abs(Date.now() - started)).toBeLessThan(60_000);
  });

  it('never runs a program twice, whenever the gateway is killed', async () => {
    const at = await bench();
    const specs = ['a', 'b', 'c'].map((name) => shell(at, name, 'exec sleep 1000'));
    for (let round = 0; round < 8; round += 1) {
      // Every other round wants another program, so that killing also hits replacements.
      const wanted = specs.map((spec) => ({ ...spec, env: { ROUND: String(round >> 1) } }));
      const gateway = startGateway(at.stateDir, wanted);
      await says(gateway, 'begins');
      await delay(Math.random() * 60); // the moment of the kill, not a wait
      await kill9(gateway);
      for (const { name } of specs) expect(leaders(at, name).length).toBeLessThanOrEqual(1);
    }
    const supervisor = supervise(at.stateDir);
    for (const spec of specs) await supervisor.ensure(spec);
    for (const { name } of specs) expect(leaders(at, name)).toEqual([supervisor.state(name)?.pid]);
  });

  it('says that a program ended while no gateway looked', async () => {
    const at = await bench();
    const spec = shell(at, 'talker', TALK);
    const { talker = 0 } = await abandoned(at, [spec]);
    process.kill(talker, 'SIGKILL');
    await eventually('it is gone', () => !runs(talker));
    const supervisor = supervise(at.stateDir);
    await supervisor.ensure(spec);
    expect(supervisor.state('talker')).toMatchObject({
      adopted: false,
      restarts: 1,
      lastExit: { code: null, signal: null },
    });
    expect(supervisor.state('talker')?.lastOutput.at(-1)).toMatch(/^line/);
  });

  it('stops what is no longer wanted, and only that', async () => {
    const at = await bench();
    const other = await bench();
    const pids = await abandoned(
      at,
      ['wanted', 'dropped', 'lost'].map((name) => shell(at, name, TALK)),
    );
    const { dropped: foreign = 0 } = await abandoned(other, [shell(other, 'dropped', TALK)]);
    rmSync(recordPath(at, 'lost'));
    await supervise(at.stateDir).removeUnlisted(['wanted']);
    expect([pids['wanted'], pids['dropped'], pids['lost']].map((pid) => runs(pid ?? 0))).toEqual([
      true,
      false,
      false,
    ]);
    expect(runs(foreign)).toBe(true);
    expect(readdirSync(join(at.stateDir, 'processes'))).toEqual(['wanted.json']);
  });
});

describe('a stranger with the recorded process id', () => {
  it.each([
    ['another start time', { startTicks: 1 }],
    ['other arguments', { argv: ['/bin/sh', '-c', 'something else'] }],
    ['another boot', { bootId: '00000000-0000-0000-0000-000000000000' }],
    // A copied state directory: all is as recorded, but it belongs to another gateway.
    [
      'the mark of another gateway',
      { environment: { OPNI_PROCESS: 'ffffffffffffffff/victim/0000000000000000' } },
    ],
  ])('is never touched: %s', async (_what, { environment, ...difference }: Record<string, unknown>) => {
    const at = await bench();
    const stranger = spawn('sleep', ['1000'], {
      detached: true,
      stdio: 'ignore',
      env: { PATH: process.env['PATH'], ...(environment as Record<string, string>) },
    });
    onTestFinished(() => kill9(stranger));
    await once(stranger, 'spawn');
    const pid = stranger.pid ?? 0;
    const spec = shell(at, 'victim', 'exec sleep 1000');
    const record = {
      name: 'victim',
      pid,
      bootId: readBootId(),
      startTicks: readStat(pid)?.startTicks,
      argv: ['sleep', '1000'],
      program: programHash(spec),
      startedAt: new Date().toISOString(),
      logFile: spec.logFile,
      stopTimeout: 100,
      restarts: 3,
      lastExit: null,
      lastOutput: [],
      ...difference,
    };
    mkdirSync(join(at.stateDir, 'processes'), { recursive: true });
    writeFileSync(recordPath(at, 'victim'), JSON.stringify(record));

    const supervisor = supervise(at.stateDir);
    await supervisor.ensure(spec);
    expect(supervisor.state('victim')).toMatchObject({ adopted: false, restarts: 4 });
    expect(supervisor.state('victim')?.pid).not.toBe(pid);
    await supervisor.remove('victim');
    writeFileSync(recordPath(at, 'victim'), JSON.stringify(record));
    await supervisor.removeUnlisted([]);
    expect(runs(pid)).toBe(true);
  });
});

describe('a supervisor that is disposed', () => {
  it('leaves its programs to the next one and refuses to start more', async () => {
    const at = await bench();
    const spec = shell(at, 'heirloom', 'exec sleep 1000');
    const first = supervise(at.stateDir);
    await first.ensure(spec);
    const pid = first.state('heirloom')?.pid;
    first.dispose();
    await expect(first.ensure(spec)).rejects.toMatchObject({ code: 'supervisor-disposed' });
    const second = supervise(at.stateDir);
    await second.ensure(spec);
    expect(second.state('heirloom')).toMatchObject({ pid, adopted: true });
  });
});
