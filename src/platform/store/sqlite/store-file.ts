import Database from 'libsql';
import {
  closeSync,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  chmodSync,
  statSync,
  type Stats,
} from 'node:fs';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DomainError, messageOf } from '../../errors.js';
import { usableDirectory } from '../data-directory.js';
import { APPLICATION_ID, CREATE_TABLES, SCHEMA_VERSION } from './schema.js';
import { errorCode, toStorageError } from './storage-errors.js';

const MAGIC = 'SQLite format 3\0';
const HEADER_LENGTH = 100;

/**
 * Makes sure that `file` is a store that this release can open, creating it when there is none. Nothing that is
 * already there is changed or removed, whatever it turns out to be.
 *
 * The caller holds the data directory's lock, and the file is not open in this process: closing the descriptor that
 * is used here would drop the locks of SQLite's.
 *
 * @throws DomainError `data-directory-unusable`, `storage-full`, `store-missing`, `store-empty`, `store-truncated`,
 * `store-not-sqlite`, `store-foreign`, `store-newer`, `store-corrupt`.
 */
export function prepareStoreFile(file: string, options: { expectExisting: boolean }): void {
  usableDirectory(dirname(file));
  const found = statIfThere(file);
  if (found) {
    checkExisting(file, found);
    return;
  }
  if (options.expectExisting || (statIfThere(`${file}-wal`)?.size ?? 0) > 0) {
    throw refusal(
      'store-missing',
      `The store ${file} is missing, although this data directory has been used before. ${RESTORE}`,
    );
  }
  create(file);
}

const RESTORE =
  'Nothing was changed. Restore the data directory from a backup, or start with another, empty data directory.';

function refusal(code: string, detail: string, cause?: unknown): DomainError {
  return new DomainError({ category: 'unavailable', code, detail, cause });
}

/** Under another name first, so that a crash in between never leaves a half-made store. */
function create(file: string): void {
  const draft = `${file}.creating`;
  for (const leftover of [draft, `${draft}-journal`]) rmSync(leftover, { force: true });
  try {
    const db = new Database(draft);
    try {
      chmodSync(draft, 0o600);
      db.exec('PRAGMA synchronous=FULL');
      db.exec(`BEGIN; ${CREATE_TABLES}
        PRAGMA application_id=${APPLICATION_ID};
        PRAGMA user_version=${SCHEMA_VERSION};
        COMMIT;`);
    } finally {
      db.close();
    }
    renameSync(draft, file);
    syncDirectory(dirname(file));
  } catch (error) {
    for (const leftover of [draft, `${draft}-journal`]) rmSync(leftover, { force: true });
    throw toStorageError(error, file);
  }
}

function checkExisting(file: string, found: Stats): void {
  if (!found.isFile()) {
    throw refusal(
      'store-not-sqlite',
      `${file} is not a regular file. Move it away, or use another data directory.`,
    );
  }
  if (found.size === 0) {
    throw refusal('store-empty', `The store ${file} is empty: its content is lost. ${RESTORE}`);
  }
  const header = readHeader(file);
  if (header.length < HEADER_LENGTH || header.toString('latin1', 0, MAGIC.length) !== MAGIC) {
    throw refusal(
      'store-not-sqlite',
      `${file} is not a store of the gateway (not a SQLite file). ${RESTORE}`,
    );
  }
  const applicationId = header.readUInt32BE(68);
  if (applicationId !== APPLICATION_ID) {
    throw refusal(
      'store-foreign',
      `${file} is a SQLite file of another program (application id 0x${applicationId.toString(16)}). ${RESTORE}`,
    );
  }
  const version = header.readUInt32BE(60);
  if (version > SCHEMA_VERSION) {
    throw refusal(
      'store-newer',
      `The store ${file} has format ${version}, and this release reads up to format ${SCHEMA_VERSION}. Nothing was changed. Run the release that wrote it, or a newer one.`,
    );
  }
  const hasLog = (statIfThere(`${file}-wal`)?.size ?? 0) > 0;
  const expectedSize = sizeByHeader(header);
  if (!hasLog && expectedSize !== undefined && found.size < expectedSize) {
    throw refusal(
      'store-truncated',
      `The store ${file} is cut off: it has ${found.size} of ${expectedSize} bytes. ${RESTORE}`,
    );
  }
  checkContent(file, hasLog);
}

/** Over a read-only connection, because closing one that may write would already change the file. */
function checkContent(file: string, hasLog: boolean): void {
  const url = pathToFileURL(file).href;
  let findings: string[];
  try {
    const db = new Database(hasLog ? `${url}?mode=ro` : `${url}?immutable=1`);
    try {
      findings = db
        .prepare('PRAGMA quick_check(3)')
        .raw()
        .all()
        .map((row) => String((row as unknown[])[0]));
    } finally {
      db.close();
    }
  } catch (error) {
    const code = errorCode(error);
    if (code === 'SQLITE_NOTADB' || code.startsWith('SQLITE_CORRUPT')) findings = [messageOf(error)];
    else throw toStorageError(error, file);
  }
  if (findings.length !== 1 || findings[0] !== 'ok') {
    throw refusal('store-corrupt', `The store ${file} is damaged (${findings.join('; ')}). ${RESTORE}`);
  }
}

/** `undefined` when the header does not vouch for its page count. */
function sizeByHeader(header: Buffer): number | undefined {
  const pageSize = header.readUInt16BE(16);
  const isCurrent = header.readUInt32BE(24) === header.readUInt32BE(92);
  return isCurrent ? header.readUInt32BE(28) * (pageSize === 1 ? 65536 : pageSize) : undefined;
}

function readHeader(file: string): Buffer {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, 'r');
    const buffer = Buffer.alloc(HEADER_LENGTH);
    return buffer.subarray(0, readSync(descriptor, buffer, 0, HEADER_LENGTH, 0));
  } catch (error) {
    throw toStorageError(error, file);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function statIfThere(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false });
}

function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
