import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Runs `work` while holding the directory `path` as a lock; waits while another living process holds it. The lock of a
 * process that is gone is taken over. `onWait` is told once whom it waits for.
 */
export async function withLock(path, work, onWait = () => {}) {
  let told = false;
  while (!acquire(path)) {
    const owner = ownerOf(path);
    if (owner !== undefined && !isAlive(owner)) {
      discard(path, owner);
      continue;
    }
    if (!told && owner !== undefined) onWait(owner.split(' ')[0]);
    told = true;
    await sleep(200);
  }
  try {
    return await work();
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}

/** A complete directory is renamed into place: nobody ever sees a lock without its owner. */
function acquire(path) {
  const draft = mkdtempSync(`${path}-`);
  writeFileSync(join(draft, '.gitignore'), '*\n');
  writeFileSync(join(draft, 'owner'), `${process.pid} ${startTime(process.pid)}`);
  try {
    renameSync(draft, path);
    return true;
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    if (error.code === 'ENOTEMPTY' || error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Moves a dead process's lock away first, so that a lock somebody took in between is noticed and put back. */
function discard(path, owner) {
  const aside = `${path}-${process.pid}-dead`;
  try {
    renameSync(path, aside);
    if (ownerOf(aside) !== owner) {
      renameSync(aside, path);
      return;
    }
    rmSync(aside, { recursive: true, force: true });
  } catch (error) {
    if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(error.code)) throw error;
  }
}

function ownerOf(path) {
  try {
    return readFileSync(join(path, 'owner'), 'utf8');
  } catch {
    return undefined;
  }
}

function isAlive(owner) {
  const [pid, started] = owner.split(' ');
  return startTime(pid) === started;
}

/** Since boot, in clock ticks: field 22 of `/proc/<pid>/stat`; tells a process from a later one with its number. */
function startTime(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return 'gone';
  }
}
