import Database from 'libsql';
import { rmSync, statSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { DomainError } from '../../errors.js';
import { errnoOf, fileError } from '../../files/file-error.js';
import { writeSnapshot } from './snapshot.js';
import { toStorageError } from './storage-errors.js';
import { checkStoreFile } from './store-file.js';

/** How long to wait for another process that opens or closes the store. */
const BUSY_MS = 10_000;

export interface StoreSnapshot {
  /** Of the tables. */
  format: number;
  /** Of the newest write in it. */
  sequence: number;
}

/**
 * Copies the store as it is at one moment to the new file `target`, while a gateway in another process goes on writing.
 * The copy is checked as at a start of the gateway.
 *
 * @param onDocument called with the JSON text of each object and each kept revision of the copy
 * @throws DomainError `store-missing`, `store-foreign`, `store-newer`, `store-corrupt`, `storage-full`, `storage-failed`;
 * nothing of the copy is left then
 */
export function snapshotStore(
  file: string,
  target: string,
  onDocument: (text: string) => void,
): StoreSnapshot {
  if (!statSync(file, { throwIfNoEntry: false })) {
    throw new DomainError({
      category: 'unavailable',
      code: 'store-missing',
      detail: `There is no store ${file}. Name the data directory of a gateway that has been started before.`,
    });
  }
  copy(file, target);
  try {
    checkStoreFile(target);
    return read(target, onDocument);
  } catch (error) {
    rmSync(target, { force: true });
    throw toStorageError(error, target);
  }
}

function copy(file: string, target: string): void {
  try {
    const db = new Database(`${pathToFileURL(file).href}?mode=rw`);
    try {
      db.exec(`PRAGMA busy_timeout=${BUSY_MS}`);
      writeSnapshot(db, target);
    } finally {
      db.close();
    }
  } catch (error) {
    // A system error is one of making the target; SQLite only writes there, too.
    if (errnoOf(error)?.startsWith('E')) throw fileError(error, 'write', target);
    const isOfTarget = /^SQLITE_(FULL|IOERR_WRITE)$/.test(errnoOf(error) ?? '');
    throw toStorageError(error, isOfTarget ? target : file);
  }
}

function read(target: string, onDocument: (text: string) => void): StoreSnapshot {
  const db = new Database(`${pathToFileURL(target).href}?immutable=1`);
  try {
    const single = (sql: string) => Number(db.prepare(sql).pluck().all()[0]);
    const tables = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").pluck().all();
    for (const table of ['objects', 'revisions'].filter((name) => tables.includes(name))) {
      for (const row of db.prepare(`SELECT document FROM ${table}`).raw().iterate()) {
        onDocument(String((row as unknown[])[0]));
      }
    }
    return {
      format: single('PRAGMA user_version'),
      sequence: single('SELECT coalesce(max(sequence), 0) FROM changes'),
    };
  } finally {
    db.close();
  }
}
