import Database from 'libsql';
import type { DocumentUpgrades } from '../document-upgrades.js';
import type { Change, StoredObject } from '../object-store.js';
import { OBJECT_COLUMNS, toObject, type ObjectRow } from './rows.js';
import { toStorageError } from './storage-errors.js';

const CHANGE_COLUMNS =
  'kind, id, revision, object_sequence, labels, document, created_at, updated_at, author, schema_version, sequence, op';

/**
 * The read side, on the caller's thread: one connection, prepared statements, no open transaction between calls, so
 * that each read sees the newest commit.
 */
export class StoreReader {
  readonly #db: Database.Database;
  readonly #file: string;
  readonly #upgrades: DocumentUpgrades;
  readonly #get;
  readonly #page;
  readonly #labels;
  readonly #history;
  readonly #count;
  readonly #head;
  readonly #oldest;

  constructor(file: string, upgrades: DocumentUpgrades) {
    this.#file = file;
    this.#upgrades = upgrades;
    this.#db = new Database(file);
    this.#db.exec('PRAGMA query_only=ON');
    this.#db.exec('PRAGMA cache_size=-8000');
    const order = 'WHERE kind = ? AND id > ? ORDER BY kind, id LIMIT ?';
    this.#get = this.#db.prepare(`SELECT ${OBJECT_COLUMNS} FROM objects WHERE kind = ? AND id = ?`).raw();
    this.#page = this.#db.prepare(`SELECT ${OBJECT_COLUMNS} FROM objects ${order}`).raw();
    this.#labels = this.#db.prepare(`SELECT id, labels FROM objects ${order}`).raw();
    // One statement, so that no commit comes between the object and its older revisions.
    this.#history = this.#db
      .prepare(
        `SELECT ${OBJECT_COLUMNS} FROM objects WHERE kind = ?1 AND id = ?2 AND revision <= ?3
         UNION ALL SELECT ${OBJECT_COLUMNS} FROM revisions WHERE kind = ?1 AND id = ?2 AND revision <= ?3
         ORDER BY revision DESC LIMIT ?4`,
      )
      .raw();
    this.#count = this.#db.prepare('SELECT count(*) FROM objects WHERE kind = ?').raw();
    this.#head = this.#db.prepare('SELECT coalesce(max(sequence), 0) FROM changes').raw();
    this.#oldest = this.#db.prepare('SELECT coalesce(min(sequence), 1) FROM changes').raw();
  }

  get<T>(kind: string, id: string): StoredObject<T> | undefined {
    const row = this.#read(() => this.#get.get(kind, id) as ObjectRow | undefined);
    return row && toObject<T>(row, this.#upgrades);
  }

  /** The objects after `afterId` (which may be '' for the first), ordered by the bytes of their ids. */
  page<T>(kind: string, afterId: string, limit: number): StoredObject<T>[] {
    const rows = this.#read(() => this.#page.all(kind, afterId, limit) as ObjectRow[]);
    return rows.map((row) => toObject<T>(row, this.#upgrades));
  }

  /** The object and its kept revisions from the number `newest` down. */
  history<T>(kind: string, id: string, newest: number, limit: number): StoredObject<T>[] {
    const rows = this.#read(() => this.#history.all(kind, id, newest, limit) as ObjectRow[]);
    return rows.map((row) => toObject<T>(row, this.#upgrades));
  }

  /** As `page`, but without reading the documents. */
  labels(kind: string, afterId: string, limit: number): { id: string; labels: Record<string, string> }[] {
    const rows = this.#read(() => this.#labels.all(kind, afterId, limit) as [string, string][]);
    return rows.map(([id, labels]) => ({ id, labels: JSON.parse(labels) as Record<string, string> }));
  }

  count(kind: string): number {
    return this.#read(() => (this.#count.get(kind) as [number])[0]);
  }

  /** The newest committed sequence. */
  head(): number {
    return this.#read(() => (this.#head.get() as [number])[0]);
  }

  /** The oldest sequence that the log of changes still has (or will have, while it is empty). */
  oldest(): number {
    return this.#read(() => (this.#oldest.get() as [number])[0]);
  }

  /** A function that reads the changes of some kinds (of all when left out) in `(after, through]`, oldest first. */
  changes(kinds: string[] | undefined, limit: number): (after: number, through: number) => Change[] {
    const filter = kinds ? `AND kind IN (${kinds.map(() => '?').join(', ')})` : '';
    const statement = this.#db
      .prepare(
        `SELECT ${CHANGE_COLUMNS} FROM changes WHERE sequence > ? AND sequence <= ? ${filter} ORDER BY sequence LIMIT ?`,
      )
      .raw();
    return (after, through) => {
      const rows = this.#read(
        () =>
          statement.all(after, through, ...(kinds ?? []), limit) as [
            ...ObjectRow,
            number,
            'put' | 'delete',
          ][],
      );
      return rows.map((row) => {
        const [sequence, op] = row.slice(-2) as [number, 'put' | 'delete'];
        const object = toObject(row.slice(0, -2) as ObjectRow, this.#upgrades);
        return { op, sequence, object };
      });
    };
  }

  close(): void {
    this.#db.close();
  }

  #read<R>(query: () => R): R {
    try {
      return query();
    } catch (error) {
      throw toStorageError(error, this.#file);
    }
  }
}
