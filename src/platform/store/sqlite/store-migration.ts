import Database from 'libsql';
import { renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { MIGRATIONS, SCHEMA_VERSION } from './schema.js';
import { syncPath, writeSnapshot } from './snapshot.js';
import { toStorageError } from './storage-errors.js';

/**
 * Brings a sound store of format `from` to this release's format, after copying it to `<file>.before-v<format>`, which
 * stays. Killed at any moment it leaves the old format or the new one, and the next start goes on from there: the copy
 * appears whole, and all steps are one transaction.
 *
 * The copy is made anew each time: what is in the old format now is what was in use last.
 *
 * @throws DomainError `storage-full`, `storage-failed`; the store is as it was
 */
export function migrateStoreFile(file: string, from: number): void {
  const copy = `${file}.before-v${SCHEMA_VERSION}`;
  const draft = `${copy}.creating`;
  try {
    for (const leftover of [draft, `${draft}-journal`]) rmSync(leftover, { force: true });
    const db = new Database(file);
    try {
      writeSnapshot(db, draft);
      renameSync(draft, copy);
      syncPath(dirname(copy));
      db.exec('PRAGMA synchronous=FULL');
      db.exec(`BEGIN IMMEDIATE; ${steps(from)} PRAGMA user_version=${SCHEMA_VERSION}; COMMIT;`);
    } finally {
      db.close();
    }
  } catch (error) {
    throw toStorageError(error, file);
  }
}

function steps(from: number): string {
  let sql = '';
  for (let format = from; format < SCHEMA_VERSION; format++) {
    const step = MIGRATIONS[format];
    if (step === undefined) throw new Error(`There is no way from format ${format} of the store.`);
    sql += step;
  }
  return sql;
}
