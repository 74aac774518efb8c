import { setImmediate } from 'node:timers/promises';
import { DomainError } from '../../errors.js';
import type { Change } from '../object-store.js';
import type { StoreReader } from './reader.js';

/** How much of the log a watcher holds in memory. */
const BATCH = 64;

interface Waiter {
  kinds: Set<string> | undefined;
  /** Up to here the watcher has seen everything of its kinds. */
  position: number;
  wake(): void;
}

/**
 * Hands the log of changes to any number of watchers. A watcher reads the log at its own pace and is woken by commit
 * notices; nothing is queued for it, so a slow one costs nobody anything.
 */
export class ChangeFeed {
  readonly #reader: StoreReader;
  readonly #waiters = new Set<Waiter>();
  #head: number;
  #isClosed = false;

  constructor(reader: StoreReader, head: number) {
    this.#reader = reader;
    this.#head = head;
  }

  /** Wakes those who wait for one of `kinds`; the others have nothing to read up to `head`. */
  committed(head: number, kinds: string[]): void {
    this.#head = Math.max(this.#head, head);
    for (const waiter of this.#waiters) {
      if (!waiter.kinds || kinds.some((kind) => waiter.kinds?.has(kind))) waiter.wake();
      else waiter.position = Math.max(waiter.position, head);
    }
  }

  async *watch(options: { kinds?: string[]; after: number; signal: AbortSignal }): AsyncGenerator<Change> {
    const { kinds, signal } = options;
    if (kinds?.length === 0) return;
    const read = this.#reader.changes(kinds, BATCH);
    const isOver = () => signal.aborted || this.#isClosed;
    let position = options.after;

    while (!isOver()) {
      const through = this.#reader.head();
      const changes = position < through ? read(position, through) : [];
      // Asked last: whatever was pruned while the batch was read counts as missed.
      if (position > through || position + 1 < this.#reader.oldest()) throw compacted(position);

      for (const change of changes) {
        if (isOver()) return;
        position = change.sequence;
        yield change;
      }
      if (changes.length === BATCH) {
        await setImmediate();
        continue;
      }
      position = await this.#wait({ kinds: kinds && new Set(kinds), position: through }, signal);
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const waiter of this.#waiters) waiter.wake();
  }

  async #wait(start: Omit<Waiter, 'wake'>, signal: AbortSignal): Promise<number> {
    if (this.#head > start.position || this.#isClosed || signal.aborted) return start.position;
    const { promise, resolve } = withResolvers();
    const waiter: Waiter = { ...start, wake: resolve };
    this.#waiters.add(waiter);
    signal.addEventListener('abort', resolve, { once: true });
    try {
      await promise;
    } finally {
      signal.removeEventListener('abort', resolve);
      this.#waiters.delete(waiter);
    }
    return waiter.position;
  }
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

function compacted(after: number): DomainError {
  return new DomainError({
    category: 'conflict',
    code: 'compacted',
    detail: `The changes after ${after} are not in the log any more. Read the objects again and watch from the sequence of that moment.`,
    extensions: { after },
  });
}
