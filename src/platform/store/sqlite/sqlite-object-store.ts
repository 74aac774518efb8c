import { realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { SystemClock, type Clock } from '../../clock.js';
import { DomainError, invalid } from '../../errors.js';
import { decodeCursor, encodeCursor, invalidCursor } from '../cursor.js';
import { DocumentUpgrades, type DocumentUpgrade } from '../document-upgrades.js';
import { matches, type LabelSelector } from '../label-selector.js';
import {
  ObjectStore,
  type Change,
  type HistoryOptions,
  type ListOptions,
  type Page,
  type StoredObject,
  type TransactOptions,
  type Write,
} from '../object-store.js';
import { ChangeFeed } from './change-feed.js';
import { StoreReader } from './reader.js';
import { storageFailed, toStorageError } from './storage-errors.js';
import { assertStorable, isStorable, toAnswer, toWire } from './wire-write.js';
import { WriterClient } from './writer-client.js';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 500;
/** Rows that a scan reads before it lets others have the thread. */
const SCAN_BATCH = 1000;
const CHECK_TIMEOUT_MS = 5_000;

export interface StoreLogger {
  warn(message: string): void;
  error(message: string): void;
}

export interface SqliteObjectStoreOptions {
  /** Made when it does not exist, and its directory too. */
  file: string;
  clock?: Clock;
  logger?: StoreLogger;
  /** Refuse to make a new store, because the directory is known to have had one. */
  expectExisting?: boolean;
  /** How many changes `watch` can go back at least; 20,000 when left out. */
  keepChanges?: number;
  /** How documents of older versions are read, for all kinds that ever changed theirs. */
  upgrades?: readonly DocumentUpgrade[];
}

/** Stores of this process. A second one on the same file would not hear of the first one's commits. */
const openFiles = new Set<string>();

/**
 * Opens the SQLite store, or makes it. The caller holds `lockDataDirectory` for the directory and closes the store.
 *
 * @throws DomainError `data-directory-unusable`, `storage-full`, `store-missing`, `store-empty`, `store-truncated`,
 * `store-not-sqlite`, `store-foreign`, `store-newer`, `document-newer`, `store-corrupt`, `store-in-use`; nothing is changed then.
 */
export async function openSqliteObjectStore(options: SqliteObjectStoreOptions): Promise<SqliteObjectStore> {
  return SqliteObjectStore.open(options);
}

/** The object store in one SQLite file: reads on this thread, writes in a worker thread that commits them in groups. */
export class SqliteObjectStore extends ObjectStore {
  readonly #file: string;
  readonly #clock: Clock;
  readonly #upgrades: DocumentUpgrades;
  readonly #reader: StoreReader;
  readonly #writer: WriterClient;
  readonly #feed: ChangeFeed;
  #closing: Promise<void> | undefined;

  private constructor(
    file: string,
    clock: Clock,
    upgrades: DocumentUpgrades,
    reader: StoreReader,
    writer: WriterClient,
    feed: ChangeFeed,
  ) {
    super();
    this.#file = file;
    this.#clock = clock;
    this.#upgrades = upgrades;
    this.#reader = reader;
    this.#writer = writer;
    this.#feed = feed;
  }

  static async open(options: SqliteObjectStoreOptions): Promise<SqliteObjectStore> {
    const file = canonical(options.file);
    const upgrades = new DocumentUpgrades(options.upgrades ?? []);
    if (openFiles.has(file)) {
      throw new DomainError({
        category: 'conflict',
        code: 'store-in-use',
        detail: `The store ${file} is already open in this process. Use that one, or close it first.`,
      });
    }
    openFiles.add(file);
    let feed: ChangeFeed | undefined;
    try {
      const { client, head } = await WriterClient.start(
        {
          file,
          expectExisting: options.expectExisting ?? false,
          keepChanges: options.keepChanges ?? 20_000,
          documentVersions: upgrades.versions,
        },
        {
          committed: (sequence, kinds) => feed?.committed(sequence, kinds),
          warning: (text) => options.logger?.warn(text),
          died: (error) => options.logger?.error(error.message),
        },
      );
      try {
        const reader = new StoreReader(file, upgrades);
        feed = new ChangeFeed(reader, head);
        const clock = options.clock ?? new SystemClock();
        return new SqliteObjectStore(file, clock, upgrades, reader, client, feed);
      } catch (error) {
        await client.close();
        throw toStorageError(error, file);
      }
    } catch (error) {
      openFiles.delete(file);
      throw error;
    }
  }

  override async get<T>(kind: string, id: string): Promise<StoredObject<T> | undefined> {
    this.#assertOpen();
    return isStorable(id) ? this.#reader.get<T>(kind, id) : undefined;
  }

  override async list<T>(kind: string, options: ListOptions = {}): Promise<Page<T>> {
    this.#assertOpen();
    const limit = checkedLimit(options.limit);
    const afterId = options.cursor === undefined ? '' : decodeCursor(options.cursor, kind);
    const selector = options.selector ?? [];
    const found =
      selector.length === 0
        ? this.#reader.page<T>(kind, afterId, limit + 1)
        : await this.#scan<T>(kind, afterId, limit + 1, selector);
    const items = found.slice(0, limit);
    const last = items.at(-1);
    return { items, next: found.length > limit && last ? encodeCursor({ kind, afterId: last.id }) : null };
  }

  override async *all<T>(kind: string): AsyncGenerator<StoredObject<T>> {
    let afterId = '';
    for (;;) {
      this.#assertOpen();
      const page = this.#reader.page<T>(kind, afterId, MAX_LIMIT);
      yield* page;
      const last = page.at(-1);
      if (!last || page.length < MAX_LIMIT) return;
      afterId = last.id;
      await setImmediate();
    }
  }

  override async count(kind: string): Promise<number> {
    this.#assertOpen();
    return this.#reader.count(kind);
  }

  override async history<T>(kind: string, id: string, options: HistoryOptions = {}): Promise<Page<T>> {
    this.#assertOpen();
    const limit = checkedLimit(options.limit);
    const list = JSON.stringify(['history', kind, id]);
    const newest =
      options.cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(decodeCursor(options.cursor, list)) - 1;
    if (!Number.isSafeInteger(newest)) throw invalidCursor();
    const found = isStorable(id) ? this.#reader.history<T>(kind, id, newest, limit + 1) : [];
    const items = found.slice(0, limit);
    const last = items.at(-1);
    const next =
      found.length > limit && last ? encodeCursor({ kind: list, afterId: String(last.revision) }) : null;
    return { items, next };
  }

  override async revision<T>(
    kind: string,
    id: string,
    revision: number,
  ): Promise<StoredObject<T> | undefined> {
    this.#assertOpen();
    if (!isStorable(id) || !Number.isSafeInteger(revision)) return undefined;
    const [found] = this.#reader.history<T>(kind, id, revision, 1);
    return found?.revision === revision ? found : undefined;
  }

  override async transact(writes: Write[], options: TransactOptions = {}): Promise<StoredObject[]> {
    if (writes.length === 0) return [];
    const { author } = options;
    if (author !== undefined) assertStorable('author', author);
    const wire = writes.map((write) => toWire(write, this.#upgrades));
    const rows = await this.#writer.transact({
      at: this.#clock.timestamp(),
      author: author ?? null,
      writes: wire,
    });
    return rows.map((row, index) => toAnswer(row, wire[index], this.#upgrades));
  }

  override async sequence(): Promise<number> {
    this.#assertOpen();
    return this.#reader.head();
  }

  override async *watch(options: {
    kinds?: string[];
    after: number;
    signal: AbortSignal;
  }): AsyncGenerator<Change> {
    if (this.#closing) return;
    yield* this.#feed.watch(options);
  }

  override async check(): Promise<void> {
    this.#assertOpen();
    this.#reader.head();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(
          storageFailed(
            `The writer of the store ${this.#file} has not answered for ${CHECK_TIMEOUT_MS / 1000} s. Check whether the disk hangs.`,
          ),
        );
      }, CHECK_TIMEOUT_MS);
    });
    try {
      await Promise.race([this.#writer.check(), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  override close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#feed.close();
    try {
      await this.#writer.close();
      this.#reader.close();
    } finally {
      openFiles.delete(this.#file);
    }
  }

  /** Reads labels only, and the documents of those that match. */
  async #scan<T>(
    kind: string,
    afterId: string,
    wanted: number,
    selector: LabelSelector,
  ): Promise<StoredObject<T>[]> {
    const found: StoredObject<T>[] = [];
    for (;;) {
      const batch = this.#reader.labels(kind, afterId, SCAN_BATCH);
      for (const { id, labels } of batch) {
        if (!matches(selector, labels)) continue;
        const object = this.#reader.get<T>(kind, id);
        // The writer may have committed in between.
        if (object && matches(selector, object.labels) && found.push(object) === wanted) return found;
      }
      const last = batch.at(-1);
      if (!last || batch.length < SCAN_BATCH) return found;
      afterId = last.id;
      await setImmediate();
      this.#assertOpen();
    }
  }

  #assertOpen(): void {
    if (this.#closing) throw storageFailed(`The store ${this.#file} is closed. Open it again to read.`);
  }
}

function checkedLimit(limit = DEFAULT_LIMIT): number {
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT) return limit;
  const detail = `The limit is a whole number from 1 to ${MAX_LIMIT}.`;
  throw invalid(detail, [{ parameter: 'limit', code: 'range', detail }]);
}

/** The same file has one name, whatever links lead to it. */
function canonical(file: string): string {
  const path = resolve(file);
  try {
    return join(realpathSync(dirname(path)), basename(path));
  } catch {
    // A directory that does not exist yet has no other name; anything else is told when the file is opened.
    return path;
  }
}
