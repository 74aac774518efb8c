import { setTimeout as delay } from 'node:timers/promises';
import { DomainError } from '../../../platform/errors.js';
import { errnoOf } from '../../../platform/files/file-error.js';
import { isRunning, listPids, readStat, type ProcessStat } from './proc-fs.js';
import { findMarked, type FoundProcess } from './process-finder.js';

/** Milliseconds that the kernel gets to end what was killed. */
const KILL_TIMEOUT = 5000;

export interface StopTarget {
  pid: number;
  startTicks: number;
}

export interface Owner {
  scope: string;
  name: string;
}

/**
 * Ends a process with everything it started: SIGTERM to its group (and SIGCONT, a stopped process cannot end), after
 * `timeout` milliseconds SIGKILL to the group, and SIGKILL to descendants that left the group.
 * @throws DomainError `process-not-stopped` when something survives SIGKILL, e.g. hangs in a dead file system
 */
export async function stopProcess(target: StopTarget, owner: Owner, timeout: number): Promise<void> {
  const { pid, startTicks } = target;
  // Seen while the leader surely lived: as long as one of them is in the group, its number belongs to nobody else.
  const members = isRunning(pid, startTicks) ? membersOf(pid) : [];
  if (members.length > 0) {
    signal(-pid, 'SIGTERM');
    signal(-pid, 'SIGCONT');
  }
  const ended = await until(() => !isRunning(pid, startTicks) && membersOf(pid).length === 0, timeout);
  if (!ended && members.some((each) => isRunning(each.pid, each.startTicks))) signal(-pid, 'SIGKILL');
  await killMarked(owner);
  if (await until(() => !isRunning(pid, startTicks), KILL_TIMEOUT)) return;
  throw notStopped(owner.name, [pid]);
}

/**
 * SIGKILL to every process that carries the marker of this name, and to the groups they are in.
 * @throws DomainError `process-not-stopped`
 */
export async function killMarked({ scope, name }: Owner): Promise<void> {
  let found: FoundProcess[] = [];
  const allGone = await until(() => {
    found = findMarked(scope, name);
    for (const { pid, processGroup } of found)
      signal(isOurGroup(processGroup, found) ? -processGroup : pid, 'SIGKILL');
    return found.length === 0;
  }, KILL_TIMEOUT);
  if (allGone) return;
  throw notStopped(
    name,
    found.map(({ pid }) => pid),
  );
}

/**
 * SIGKILL to what is left of the group of a child whose end the kernel has just told us: its number cannot have been
 * given away yet.
 */
export function killRestOfGroup(pid: number): void {
  signal(-pid, 'SIGKILL');
}

/** Led by one of ours, alive or dead; never the gateway's own group, nor one that a stranger leads. */
function isOurGroup(group: number, found: FoundProcess[]): boolean {
  const leader = readStat(group);
  if (group <= 1 || group === readStat(process.pid)?.processGroup) return false;
  return leader === null || leader.runState === 'Z' || found.some(({ pid }) => pid === group);
}

/** Zombies are none: where nobody reaps them they stay for ever. */
function membersOf(group: number): ProcessStat[] {
  try {
    process.kill(-group, 0);
  } catch (error) {
    if (errnoOf(error) === 'ESRCH') return [];
  }
  return listPids().flatMap((pid) => {
    const stat = readStat(pid);
    return stat?.processGroup === group && stat.runState !== 'Z' ? [stat] : [];
  });
}

/** A negative `pid` means the group. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // It ended in the meantime, or it is not ours to signal, which shows in what is still running afterwards.
    if (errnoOf(error) !== 'ESRCH' && errnoOf(error) !== 'EPERM') throw error;
  }
}

/** Looks at once, then ever more seldom (10 to 100 ms); false when `timeout` milliseconds passed. */
export async function until(condition: () => boolean, timeout: number): Promise<boolean> {
  const deadline = performance.now() + timeout;
  for (let pause = 10; !condition(); pause = Math.min(100, pause * 2)) {
    const left = deadline - performance.now();
    if (left <= 0) return false;
    await delay(Math.min(pause, left));
  }
  return true;
}

function notStopped(name: string, pids: number[]): DomainError {
  return new DomainError({
    category: 'internal',
    code: 'process-not-stopped',
    detail: `The process "${name}" (pid ${pids.join(', ')}) does not end, not even by SIGKILL. It is not started a second time; look at its state with ps and at the disk it waits for.`,
  });
}
