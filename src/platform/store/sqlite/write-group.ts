import type Database from 'libsql';
import { DomainError, notFound } from '../../errors.js';
import type { TransactRequest, WireWrite, WriterAnswer } from './protocol.js';
import { toWireError } from './protocol.js';
import { OBJECT_COLUMNS, type ObjectRow } from './rows.js';

/** Pruning the log deletes this many rows at once instead of one with each write. */
const PRUNE_STEP = 256;

export interface CommittedGroup {
  /** The newest sequence after the commit. */
  head: number;
  kinds: string[];
  answers: WriterAnswer[];
}

/**
 * Applies queued transactions to the database in one commit: each behind its own savepoint, so that a failed
 * precondition undoes its own transaction and no other.
 */
export class GroupWriter {
  readonly #db: Database.Database;
  readonly #keepChanges: number;
  readonly #begin;
  readonly #commit;
  readonly #savepoint;
  readonly #release;
  readonly #undo;
  readonly #log;
  readonly #select;
  readonly #insert;
  readonly #update;
  readonly #delete;
  readonly #keepRevision;
  readonly #dropRevisions;
  readonly #insertChange;
  readonly #prune;

  constructor(db: Database.Database, keepChanges: number) {
    this.#db = db;
    this.#keepChanges = keepChanges;
    this.#begin = db.prepare('BEGIN IMMEDIATE');
    this.#commit = db.prepare('COMMIT');
    this.#savepoint = db.prepare('SAVEPOINT one');
    this.#release = db.prepare('RELEASE SAVEPOINT one');
    this.#undo = db.prepare('ROLLBACK TO SAVEPOINT one');
    this.#log = db
      .prepare(
        'SELECT coalesce(max(sequence), 0), coalesce((SELECT min(sequence) FROM changes), 1) FROM changes',
      )
      .raw();
    this.#select = db.prepare(`SELECT ${OBJECT_COLUMNS} FROM objects WHERE kind = ? AND id = ?`).raw();
    this.#insert = db.prepare(
      `INSERT INTO objects (${OBJECT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#update = db.prepare(
      `UPDATE objects SET revision = ?, sequence = ?, labels = ?, document = ?, updated_at = ?, author = ?,
       schema_version = ? WHERE kind = ? AND id = ?`,
    );
    this.#delete = db.prepare('DELETE FROM objects WHERE kind = ? AND id = ?');
    this.#keepRevision = db.prepare(
      `INSERT INTO revisions (${OBJECT_COLUMNS}) SELECT ${OBJECT_COLUMNS} FROM objects WHERE kind = ? AND id = ?`,
    );
    this.#dropRevisions = db.prepare('DELETE FROM revisions WHERE kind = ? AND id = ? AND revision <= ?');
    this.#insertChange = db.prepare(
      `INSERT INTO changes (sequence, op, kind, id, revision, object_sequence, labels, document, created_at, updated_at,
       author, schema_version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#prune = db.prepare('DELETE FROM changes WHERE sequence <= ?');
  }

  /** Nothing of the group is kept when this throws. */
  commit(group: TransactRequest[]): CommittedGroup {
    this.#begin.run();
    try {
      const [before, oldest] = this.#log.get() as [number, number];
      const kinds = new Set<string>();
      const answers: WriterAnswer[] = [];
      let head = before;
      for (const request of group) {
        const answer = this.#applyAlone(request, head);
        answers.push(answer);
        if ('error' in answer) continue;
        head += request.writes.length;
        for (const write of request.writes) kinds.add(write.kind);
      }
      if (head - oldest + 1 >= this.#keepChanges + PRUNE_STEP) this.#prune.run(head - this.#keepChanges);
      this.#commit.run();
      return { head, kinds: [...kinds], answers };
    } catch (error) {
      // SQLite has ended the transaction itself after some errors, as for a full disk.
      if (this.#db.inTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  #applyAlone(request: TransactRequest, head: number): WriterAnswer {
    this.#savepoint.run();
    try {
      const rows = request.writes.map((write, index) => this.#apply(write, head + index + 1, request));
      this.#release.run();
      return { id: request.id, rows };
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      this.#undo.run();
      this.#release.run();
      return { id: request.id, error: toWireError(error) };
    }
  }

  #apply(write: WireWrite, sequence: number, { at, author }: TransactRequest): ObjectRow {
    const { kind, id } = write;
    const current = this.#select.get(kind, id) as ObjectRow | undefined;
    checkExpected(write, current?.[2]);

    if (write.op === 'delete') {
      if (!current) throw notFound(kind, id);
      this.#delete.run(kind, id);
      this.#dropRevisions.run(kind, id, current[2]);
      this.#logChange('delete', sequence, current);
      return current;
    }
    const { labels, document, schemaVersion, history } = write;
    const revision = (current?.[2] ?? 0) + 1;
    const createdAt = current?.[6] ?? at;
    const row: ObjectRow = [
      kind,
      id,
      revision,
      sequence,
      labels,
      document,
      createdAt,
      at,
      author,
      schemaVersion,
    ];
    if (current) {
      if (history !== undefined) {
        this.#keepRevision.run(kind, id);
        this.#dropRevisions.run(kind, id, revision - history);
      }
      this.#update.run(revision, sequence, labels, document, at, author, schemaVersion, kind, id);
    } else {
      this.#insert.run(row);
    }
    this.#logChange('put', sequence, row);
    row[5] = '';
    return row;
  }

  #logChange(op: 'put' | 'delete', sequence: number, row: ObjectRow): void {
    const [kind, id, revision, objectSequence, ...content] = row;
    this.#insertChange.run(sequence, op, kind, id, revision, objectSequence, ...content);
  }
}

function checkExpected(write: WireWrite, revision: number | undefined): void {
  const { kind, id, expected } = write;
  if (expected === undefined) return;
  if (expected === 'absent') {
    if (revision === undefined) return;
    throw new DomainError({
      category: 'precondition-failed',
      code: 'already-exists',
      detail: `There is already a ${kind} "${id}". Change that one, or choose another id.`,
      extensions: { current: revision },
    });
  }
  if (expected === revision) return;
  if (revision === undefined && write.op === 'delete') throw notFound(kind, id);
  throw new DomainError({
    category: 'precondition-failed',
    code: 'revision-mismatch',
    detail:
      revision === undefined
        ? `The ${kind} "${id}" does not exist any more. Read the list again.`
        : `The ${kind} "${id}" has been changed: it is at revision ${revision}, not ${expected}. Read it again and repeat the change on what is there.`,
    extensions: { current: revision ?? null },
  });
}
