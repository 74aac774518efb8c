import type { LabelSelector } from './label-selector.js';

/** An object as the store keeps it. `document` is plain JSON; secrets inside it are already sealed. */
export interface StoredObject<T = unknown> {
  kind: string;
  id: string;
  /** 1, 2, 3 … for this object alone; a deleted and re-created object starts at 1 again. */
  revision: number;
  /** Position of its last write in the order of all writes of the store; the cursor of `watch`. */
  sequence: number;
  labels: Record<string, string>;
  document: T;
  /** RFC 3339. */
  createdAt: string;
  updatedAt: string;
  /** Who made this revision, as `transact` was told; `null` when it was not. */
  author: string | null;
}

/**
 * One write of a transaction. `expected`: the revision that must be there (compare and swap), `'absent'` for
 * create only, left out for an unconditional write. A put replaces the object whole: labels left out are removed.
 * Kinds and ids are any non-empty text without NUL and lone surrogates (`invalid` otherwise).
 *
 * `history`: how many revisions to keep, the new one included (at least 1). The revision that is replaced is kept, and
 * those are dropped whose number is `history` or more below the new one. Left out, the replaced revision is not kept, and
 * what was kept before stays. Deleting an object deletes its history.
 */
export type Write =
  | {
      op: 'put';
      kind: string;
      id: string;
      document: unknown;
      labels?: Record<string, string>;
      expected?: number | 'absent';
      history?: number;
    }
  | { op: 'delete'; kind: string; id: string; expected?: number };

/** One committed write, in the order of `sequence`. A delete carries the last object, as its last put left it. */
export interface Change<T = unknown> {
  op: 'put' | 'delete';
  sequence: number;
  object: StoredObject<T>;
}

export interface ListOptions {
  /** 1-500; 100 when left out. */
  limit?: number;
  /** Opaque, from the page before. */
  cursor?: string;
  selector?: LabelSelector;
}

export interface HistoryOptions {
  /** 1-500; 100 when left out. */
  limit?: number;
  /** Opaque, from the page before. */
  cursor?: string;
}

export interface TransactOptions {
  /** Who asks for it: any text that an id could be, kept with each object that is put. */
  author?: string;
}

export interface Page<T> {
  items: StoredObject<T>[];
  /** `null` at the end. */
  next: string | null;
}

/**
 * Durable typed objects: the only place where desired state, operations and history live.
 *
 * - `transact` is all or nothing; when its promise resolves, the writes survive `kill -9` and power loss.
 * - Reads see every write whose `transact` has resolved.
 * - Documents of an older schema version are read as the upgrades given at opening make them; each put stores the
 *   newest version.
 * - `watch` first yields nothing old: it reports each change committed after `after` exactly once, in order. The log of
 *   changes is bounded: when the one after `after` is no longer in it (or `after` is from the future, as after restoring
 *   an older copy), `watch` throws `compacted` (conflict); take `sequence()`, read the objects again, watch from there.
 *
 * Errors (all `DomainError`): `revision-mismatch` (precondition-failed) with `extensions.current` (the revision that is
 * there, `null` when there is no object), `already-exists` (precondition-failed, with `extensions.current`) for
 * `expected: 'absent'`, `not-found` for a delete of nothing, `storage-full` (insufficient-storage), `storage-failed`
 * (unavailable), `invalid-cursor` (malformed, parameter `cursor`), `compacted` (conflict).
 */
export abstract class ObjectStore {
  abstract get<T>(kind: string, id: string): Promise<StoredObject<T> | undefined>;
  /** Ordered by id (byte order). */
  abstract list<T>(kind: string, options?: ListOptions): Promise<Page<T>>;
  /** Every object of a kind, in pages, for loops that need them all. */
  abstract all<T>(kind: string): AsyncIterable<StoredObject<T>>;
  abstract count(kind: string): Promise<number>;
  /** The object as it is, then the revisions of it that were kept, newest first; empty when there is no object. */
  abstract history<T>(kind: string, id: string, options?: HistoryOptions): Promise<Page<T>>;
  /** One of what `history` lists. */
  abstract revision<T>(kind: string, id: string, revision: number): Promise<StoredObject<T> | undefined>;
  /** Answers the new state of each put and the last state of each delete, in the order of `writes`. */
  abstract transact(writes: Write[], options?: TransactOptions): Promise<StoredObject[]>;
  /** The sequence of the newest committed write; 0 when empty. */
  abstract sequence(): Promise<number>;
  /** Ends when `signal` aborts or the store closes. */
  abstract watch(options: { kinds?: string[]; after: number; signal: AbortSignal }): AsyncIterable<Change>;
  /** Whether a read and the writer answer now; throws what is wrong. */
  abstract check(): Promise<void>;
  abstract close(): Promise<void>;
}
