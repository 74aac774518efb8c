import type Database from 'libsql';
import { closeSync, fsyncSync, openSync, rmSync } from 'node:fs';

/**
 * Writes what the database is at this moment to a new file (0600, durable), whatever is written to it meanwhile. The
 * copy is compact and has no write-ahead log. The caller makes the name durable.
 */
export function writeSnapshot(db: Database.Database, target: string): void {
  // SQLite takes an empty file for a new one; made here, it is private from the start.
  closeSync(openSync(target, 'wx', 0o600));
  try {
    db.prepare('VACUUM INTO ?').run(target);
    syncPath(target);
  } catch (error) {
    for (const leftover of [target, `${target}-journal`]) rmSync(leftover, { force: true });
    throw error;
  }
}

/** Makes a file, or the names in a directory, durable. */
export function syncPath(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
