import Database from 'libsql';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import type { DomainError } from '../../errors.js';
import { toWireError, type TransactRequest, type WriterAnswer, type WriterMessage } from './protocol.js';
import type { WriterOptions, WriterRequest } from './protocol.js';
import { prepareStoreFile } from './store-file.js';
import { errorCode, isOutOfSpace, storageFailed, storageFull, toStorageError } from './storage-errors.js';
import { GroupWriter } from './write-group.js';

/** One commit takes at most this many transactions, so that nobody waits for an endless queue. */
const MAX_GROUP = 256;
/** Written bytes after which the write-ahead log is moved into the database file. */
const CHECKPOINT_BYTES = 4 * 1024 * 1024;
/** Index, log and page overhead of one write, roughly. */
const WRITE_OVERHEAD = 8 * 1024;

/** The writer thread: the only one that writes to the store. Everything that waits for the disk happens here. */
class Writer {
  readonly #port: MessagePort;
  readonly #file: string;
  readonly #db: Database.Database;
  readonly #writer: GroupWriter;
  #sinceCheckpoint = 0;
  /** The last commit failed; `check` then proves by a real write whether it is over. */
  #isSuspect = false;
  /** Set once what the disk holds is in doubt; then nothing is written until a restart. */
  #broken: DomainError | undefined;

  constructor(port: MessagePort, options: WriterOptions) {
    this.#port = port;
    this.#file = options.file;
    this.#db = new Database(options.file);
    for (const [pragma, value] of [
      ['journal_mode=WAL', 'wal'],
      ['synchronous=FULL', undefined],
      // Checkpoints are made by #checkpoint, which, unlike the automatic ones, hears of failures.
      ['wal_autocheckpoint=0', 0],
      ['journal_size_limit=16777216', 16777216],
    ] as const) {
      const [answer] = this.#db.prepare(`PRAGMA ${pragma}`).all() as object[];
      if (value !== undefined && Object.values(answer ?? {})[0] !== value) {
        throw storageFailed(
          `SQLite does not accept "${pragma}" for ${options.file}. Use a local file system.`,
        );
      }
    }
    this.#writer = new GroupWriter(this.#db, options.keepChanges);
  }

  start(): void {
    const { head } = this.#writer.commit([]);
    this.#port.on('message', (first: WriterRequest) => this.#drain(first));
    this.#send({ type: 'ready', head });
  }

  #drain(first: WriterRequest): void {
    let request: WriterRequest | undefined = first;
    while (request) {
      const group: TransactRequest[] = [];
      while (request?.type === 'transact' && group.length < MAX_GROUP) {
        group.push(request);
        request = this.#next();
      }
      if (group.length > 0) this.#transact(group);
      if (request && request.type !== 'transact') {
        if (request.type === 'close') return this.#close(request.id);
        this.#check(request.id);
        request = this.#next();
      }
    }
  }

  #next(): WriterRequest | undefined {
    const received: { message: WriterRequest } | undefined = receiveMessageOnPort(this.#port);
    return received?.message;
  }

  #transact(group: TransactRequest[]): void {
    try {
      if (this.#broken) throw this.#broken;
      const committed = this.#writer.commit(group);
      this.#isSuspect = false;
      this.#send({ type: 'answers', ...committed });
    } catch (error) {
      const failure = this.#failed(error);
      if (failure.code === 'storage-full' && group.length > 1) {
        // What is too much together may fit one by one.
        for (const request of group) this.#transact([request]);
        return;
      }
      const answers: WriterAnswer[] = group.map(({ id }) => ({ id, error: toWireError(failure) }));
      this.#send({ type: 'answers', head: 0, kinds: [], answers });
      // Frees the space of the log for the next one, where that can be had.
      if (failure.code === 'storage-full') this.#checkpoint('TRUNCATE');
      return;
    }
    this.#sinceCheckpoint += sizeOf(group);
    if (this.#sinceCheckpoint >= CHECKPOINT_BYTES) this.#checkpoint('PASSIVE');
  }

  #check(id: number): void {
    try {
      if (this.#broken) throw this.#broken;
      // The proof is so small that it may fit where nothing else does.
      if (this.#isSuspect && isOutOfSpace(this.#file)) throw storageFull(this.#file);
      this.#db.exec('BEGIN IMMEDIATE');
      try {
        if (this.#isSuspect) {
          this.#db
            .prepare(
              "INSERT INTO meta (name, value) VALUES ('checked-at', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            )
            .run(new Date().toISOString());
        }
        this.#db.exec('COMMIT');
      } catch (error) {
        if (this.#db.inTransaction) this.#db.exec('ROLLBACK');
        throw error;
      }
      this.#isSuspect = false;
      this.#send({ type: 'answers', head: 0, kinds: [], answers: [{ id, rows: [] }] });
    } catch (error) {
      const failure = this.#failed(error);
      this.#send({ type: 'answers', head: 0, kinds: [], answers: [{ id, error: toWireError(failure) }] });
    }
  }

  #checkpoint(mode: 'PASSIVE' | 'TRUNCATE'): void {
    if (this.#broken) return;
    this.#sinceCheckpoint = 0;
    try {
      this.#db.prepare(`PRAGMA wal_checkpoint(${mode})`).raw().all();
    } catch (error) {
      const failure = this.#failed(error);
      this.#send({
        type: 'warning',
        text: `The write-ahead log could not be written back: ${failure.message}`,
      });
    }
  }

  /**
   * After a failed fsync the kernel may have dropped what it could not write and report success the next time, so
   * going on would acknowledge what is not there. What was acknowledged before is still in the log.
   */
  #failed(error: unknown): DomainError {
    const failure = toStorageError(error, this.#file);
    this.#isSuspect = true;
    if (
      /^SQLITE_IOERR_(DIR_)?FSYNC$/.test(errorCode(error)) ||
      /^SQLITE_(CORRUPT|NOTADB)/.test(errorCode(error))
    ) {
      this.#broken ??= failure;
    }
    return failure;
  }

  #close(id: number): void {
    this.#checkpoint('TRUNCATE');
    this.#db.close();
    this.#send({ type: 'answers', head: 0, kinds: [], answers: [{ id, rows: [] }] });
    this.#port.close();
  }

  #send(message: WriterMessage): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origin
    this.#port.postMessage(message);
  }
}

function sizeOf(group: TransactRequest[]): number {
  let bytes = 0;
  for (const { writes } of group) {
    for (const write of writes)
      bytes += WRITE_OVERHEAD + (write.op === 'put' ? 2 * write.document.length : 0);
  }
  return bytes;
}

function run(port: MessagePort, options: WriterOptions): void {
  try {
    prepareStoreFile(options.file, options);
    new Writer(port, options).start();
  } catch (error) {
    const failure = toStorageError(error, options.file);
    port.postMessage({ type: 'refused', error: toWireError(failure) } satisfies WriterMessage);
    port.close();
  }
}

if (!parentPort) throw new Error('This file only runs as a worker thread.');
run(parentPort, workerData as WriterOptions);
