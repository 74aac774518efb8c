import Database from 'libsql';
import { closeSync, openSync, readSync, renameSync, rmSync, chmodSync, statSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DomainError, messageOf } from '../../errors.js';
import { usableDirectory } from '../data-directory.js';
import { syncPath } from './snapshot.js';
import { migrateStoreFile } from './store-migration.js';
import { APPLICATION_ID, CREATE_TABLES, SCHEMA_VERSION } from './schema.js';
import { errorCode, toStorageError } from './storage-errors.js';

const MAGIC = 'SQLite format 3\0';
const HEADER_LENGTH = 100;

/**
 * Makes sure that `file` is a store that this release can open, creating it when there is none. A store of an
 * older format is copied and then migrated. Otherwise nothing that is already there is changed or removed, whatever it
 * turns out to be.
 *
 * The caller holds the data directory's lock, and the file is not open in this process: closing the descriptor that
 * is used here would drop the locks of SQLite's.
 *
 * @throws DomainError `data-directory-unusable`, `storage-full`, `store-missing`, `store-empty`, `store-truncated`,
 * `store-not-sqlite`, `store-foreign`, `store-newer`, `document-newer`, `store-corrupt`.
 */
export function prepareStoreFile(
  file: string,
  options: { expectExisting: boolean; documentVersions: Readonly<Record<string, number>> },
): void {
  usableDirectory(dirname(file));
  const found = statIfThere(file);
  if (found) {
    const format = checkExisting(file, found, options.documentVersions);
    if (format < SCHEMA_VERSION) migrateStoreFile(file, format);
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

/**
 * Checks a store that nobody has open, as opening it would, but for the versions of its documents.
 *
 * @throws DomainError `store-missing`, `store-empty`, `store-truncated`, `store-not-sqlite`, `store-foreign`,
 * `store-newer`, `store-corrupt`
 */
export function checkStoreFile(file: string): void {
  const found = statIfThere(file);
  if (!found) throw refusal('store-missing', `There is no store ${file}.`);
  checkExisting(file, found, undefined);
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
    syncPath(dirname(file));
  } catch (error) {
    for (const leftover of [draft, `${draft}-journal`]) rmSync(leftover, { force: true });
    throw toStorageError(error, file);
  }
}

/** @returns the format of the file */
function checkExisting(
  file: string,
  found: Stats,
  documentVersions: Readonly<Record<string, number>> | undefined,
): number {
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
  if (version > SCHEMA_VERSION) throw newerFormat(file, version);
  const hasLog = (statIfThere(`${file}-wal`)?.size ?? 0) > 0;
  const expectedSize = sizeByHeader(header);
  if (!hasLog && expectedSize !== undefined && found.size < expectedSize) {
    throw refusal(
      'store-truncated',
      `The store ${file} is cut off: it has ${found.size} of ${expectedSize} bytes. ${RESTORE}`,
    );
  }
  const format = checkContent(file, hasLog, documentVersions);
  if (format > SCHEMA_VERSION) throw newerFormat(file, format);
  return format;
}

function newerFormat(file: string, format: number): DomainError {
  return refusal(
    'store-newer',
    `The store ${file} has format ${format}, and this release reads up to format ${SCHEMA_VERSION}. Nothing was changed. Run the release that wrote it, or a newer one.`,
  );
}

/**
 * Over a read-only connection, because closing one that may write would already change the file.
 *
 * @returns the format, which the log may have raised above what the header says
 */
function checkContent(
  file: string,
  hasLog: boolean,
  documentVersions: Readonly<Record<string, number>> | undefined,
): number {
  const url = pathToFileURL(file).href;
  let db: Database.Database | undefined;
  try {
    db = new Database(hasLog ? `${url}?mode=ro` : `${url}?immutable=1`);
    const findings = db.prepare('PRAGMA quick_check(3)').pluck().all().map(String);
    if (findings.length !== 1 || findings[0] !== 'ok') throw corrupt(file, findings);
    const format = Number(db.prepare('PRAGMA user_version').pluck().all()[0]);
    if (documentVersions && format <= SCHEMA_VERSION) checkDocumentVersions(db, file, documentVersions);
    return format;
  } catch (error) {
    const code = errorCode(error);
    if (code === 'SQLITE_NOTADB' || code.startsWith('SQLITE_CORRUPT')) {
      throw corrupt(file, [messageOf(error)]);
    }
    throw toStorageError(error, file);
  } finally {
    db?.close();
  }
}

function corrupt(file: string, findings: string[]): DomainError {
  return refusal('store-corrupt', `The store ${file} is damaged (${findings.join('; ')}). ${RESTORE}`);
}

function checkDocumentVersions(
  db: Database.Database,
  file: string,
  known: Readonly<Record<string, number>>,
): void {
  const tables = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").pluck().all();
  for (const table of ['objects', 'revisions', 'changes'].filter((name) => tables.includes(name))) {
    const rows = db.prepare(`SELECT kind, max(schema_version) FROM ${table} GROUP BY kind`).raw().all() as [
      string,
      number,
    ][];
    for (const [kind, version] of rows) {
      const newest = Object.hasOwn(known, kind) ? (known[kind] ?? 1) : 1;
      if (version > newest) {
        throw refusal(
          'document-newer',
          `The store ${file} has documents of the kind "${kind}" in version ${version}, and this release reads up to version ${newest}. Nothing was changed. Run the release that wrote them, or a newer one.`,
        );
      }
    }
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
