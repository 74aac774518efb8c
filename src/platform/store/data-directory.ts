import Database from 'libsql';
import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DomainError, messageOf } from '../errors.js';
import { errorCode, storageFull, toStorageError } from './sqlite/storage-errors.js';

const LOCK_FILE = 'gateway.lock';
/** Lies in a data directory while `opni restore` exchanges its content; what is there then is no whole. */
export const RESTORE_MARKER = 'restore-unfinished';
/** What a start needs at least: SQLite's shared-memory file. */
const PROBE_BYTES = 64 * 1024;

/** Locks of this process. Held here, so that one that nobody keeps is not collected and thereby released. */
const held = new Map<string, Database.Database>();

export interface DataDirectoryLock {
  /** Absolute. */
  readonly directory: string;
  release(): void;
}

/**
 * Claims a data directory for this process, creating it (0700) when it does not exist. The claim is a lock of the
 * operating system: it ends with the process, also by `kill -9`, and is not inherited by children.
 *
 * No other code may open the lock file: closing any descriptor of it in this process would give the lock up.
 *
 * @throws DomainError `data-directory-in-use` (conflict) when another process, or this one, has it;
 * `restore-unfinished` (conflict), unless it is for the restore itself; `data-directory-unusable` (unavailable);
 * `storage-full` (insufficient-storage).
 */
export function lockDataDirectory(dir: string, options: { forRestore?: boolean } = {}): DataDirectoryLock {
  const directory = resolve(dir);
  usableDirectory(directory);
  if (held.has(directory)) throw inUse(directory);

  const file = join(directory, LOCK_FILE);
  let lock: Database.Database | undefined;
  try {
    lock = new Database(file);
    lock.exec('PRAGMA locking_mode=EXCLUSIVE');
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock?.close();
    const code = errorCode(error);
    if (code.startsWith('SQLITE_BUSY')) throw inUse(directory);
    if (code === 'SQLITE_NOTADB' || code.startsWith('SQLITE_CORRUPT')) {
      throw unusable(
        `${file} is not a lock file of the gateway. It holds no data: remove it and start again.`,
        error,
      );
    }
    throw toStorageError(error, file);
  }
  held.set(directory, lock);
  if (!options.forRestore && existsSync(join(directory, RESTORE_MARKER))) {
    release(directory);
    throw new DomainError({
      category: 'conflict',
      code: 'restore-unfinished',
      detail: `A restore of ${directory} was interrupted. Run "opni restore" again; what was there before it is in ${join(directory, 'before-restore-…')}.`,
    });
  }
  return { directory, release: () => release(directory) };
}

function release(directory: string): void {
  const lock = held.get(directory);
  if (!lock) return;
  held.delete(directory);
  lock.exec('ROLLBACK');
  lock.close();
}

/**
 * Makes sure that `directory` is a directory that can be written to, creating it when it is missing.
 *
 * @throws DomainError `data-directory-unusable`, `storage-full`.
 */
export function usableDirectory(directory: string): void {
  const probe = join(directory, `.probe-${process.pid}`);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    if (!statSync(directory).isDirectory()) throw notADirectory(directory);
    writeFileSync(probe, Buffer.alloc(PROBE_BYTES));
  } catch (error) {
    throw directoryError(error, directory);
  } finally {
    removeQuietly(probe);
  }
}

function directoryError(error: unknown, directory: string): DomainError {
  if (error instanceof DomainError) return error;
  switch (errorCode(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return storageFull(directory, error);
    case 'ENOTDIR':
    case 'EEXIST':
      return notADirectory(directory, error);
    case 'EROFS':
      return unusable(
        `The data directory ${directory} is on a read-only file system. Mount it writable, or use another data directory.`,
        error,
      );
    case 'EACCES':
    case 'EPERM':
      return unusable(
        `The data directory ${directory} is not writable for this user. Change its owner or mode, or use another data directory.`,
        error,
      );
    default:
      return unusable(`The data directory ${directory} cannot be used (${messageOf(error)}).`, error);
  }
}

function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Where nothing can be removed nothing could be written; that error is the one that is told.
  }
}

function notADirectory(directory: string, cause?: unknown): DomainError {
  return unusable(`The data directory ${directory} is not a directory. Name another path.`, cause);
}

function unusable(detail: string, cause?: unknown): DomainError {
  return new DomainError({ category: 'unavailable', code: 'data-directory-unusable', detail, cause });
}

function inUse(directory: string): DomainError {
  return new DomainError({
    category: 'conflict',
    code: 'data-directory-in-use',
    detail: `The data directory ${directory} is in use by another gateway. Stop that one first, or start this one with another data directory.`,
  });
}
