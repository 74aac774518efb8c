import type { Clock } from '../clock.js';
import { DomainError, messageOf } from '../errors.js';
import type { ObjectStore, StoredObject } from './object-store.js';

/** Which objects of a kind go, and when. With both bounds an object goes as soon as one of them is crossed. */
export interface RetentionRule<T = unknown> {
  kind: string;
  /** Milliseconds since `timeOf`. */
  keepFor?: number;
  /** How many of those that may go are kept, the newest by `timeOf`. */
  keepCount?: number;
  /** Objects for which it is false stay, whatever their age; all may go when left out. */
  mayGo?: (object: StoredObject<T>) => boolean | Promise<boolean>;
  /** RFC 3339; the last write of the object when left out. */
  timeOf?: (object: StoredObject<T>) => string;
}

export interface RetentionLoopOptions {
  store: ObjectStore;
  clock: Clock;
  // Each rule has documents of its own form; the kind says which.
  rules: readonly RetentionRule<never>[];
  onPruned: (kind: string, count: number) => void;
  onError: (kind: string, message: string) => void;
  /** Milliseconds from the end of a pass to the next, 10 % more or less; an hour when left out. */
  interval?: number;
  /** Milliseconds to the first pass; a minute when left out. */
  firstAfter?: number;
}

const BATCH = 100;

interface Candidate {
  id: string;
  revision: number;
  /** Milliseconds since the epoch. */
  time: number;
}

/** Deletes what has been kept long enough. A pass that finds nothing writes nothing. */
export class RetentionLoop {
  readonly #options: RetentionLoopOptions;
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #pass: Promise<void> = Promise.resolve();

  constructor(options: RetentionLoopOptions) {
    this.#options = options;
  }

  start(): void {
    this.#schedule(this.#options.firstAfter ?? 60_000);
  }

  /** Waits for the deletion that is under way, and begins no other. */
  async stop(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    await this.#pass;
  }

  /** One pass over all rules; a rule that fails is told to `onError` and holds up no other. */
  async prune(): Promise<void> {
    const { rules, onPruned, onError } = this.#options;
    for (const rule of rules as readonly RetentionRule[]) {
      if (this.#stop.signal.aborted) return;
      try {
        const count = await this.#delete(rule.kind, await this.#expired(rule));
        if (count > 0) onPruned(rule.kind, count);
      } catch (error) {
        onError(rule.kind, messageOf(error));
      }
    }
  }

  #schedule(wait: number): void {
    if (this.#stop.signal.aborted) return;
    const jittered = wait * (0.9 + Math.random() * 0.2);
    this.#timer = setTimeout(() => {
      this.#pass = this.prune().then(() => this.#schedule(this.#options.interval ?? 3_600_000));
    }, jittered);
  }

  async #expired({ kind, keepFor, keepCount, mayGo, timeOf }: RetentionRule): Promise<Candidate[]> {
    const { store, clock } = this.#options;
    const candidates: Candidate[] = [];
    for await (const object of store.all(kind)) {
      if (this.#stop.signal.aborted) return [];
      if (mayGo && !(await mayGo(object))) continue;
      const time = Date.parse(timeOf ? timeOf(object) : object.updatedAt);
      candidates.push({ id: object.id, revision: object.revision, time });
    }
    const oldest = keepFor === undefined ? -Infinity : clock.now() - keepFor;
    return candidates
      .toSorted((a, b) => b.time - a.time)
      .filter(({ time }, index) => time < oldest || index >= (keepCount ?? Infinity));
  }

  async #delete(kind: string, expired: Candidate[]): Promise<number> {
    let count = 0;
    for (let start = 0; start < expired.length; start += BATCH) {
      if (this.#stop.signal.aborted) return count;
      const batch = expired.slice(start, start + BATCH);
      if (await this.#deleteAll(kind, batch)) {
        count += batch.length;
        continue;
      }
      for (const one of batch) if (await this.#deleteAll(kind, [one])) count++;
    }
    return count;
  }

  /** `false` when one of them was changed or deleted since it was read; then none is deleted. */
  async #deleteAll(kind: string, batch: Candidate[]): Promise<boolean> {
    try {
      await this.#options.store.transact(
        batch.map(({ id, revision }) => ({ op: 'delete', kind, id, expected: revision })),
      );
      return true;
    } catch (error) {
      if (error instanceof DomainError && ['revision-mismatch', 'not-found'].includes(error.code))
        return false;
      throw error;
    }
  }
}
