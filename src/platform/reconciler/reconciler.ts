import { backoffDelay, type BackoffOptions } from './backoff.js';
import { messageOf } from '../errors.js';

/** What a pass says about its key: nothing more to do, or look again later even if nothing changes. */
export type ReconcileResult = { done: true } | { requeueAfter: number };

export interface ReconcilerOptions {
  /** For logs. */
  name: string;
  /** One level-triggered pass: looks at everything itself, never at the event that caused it. Throwing means back-off. */
  reconcile: (key: string, signal: AbortSignal) => Promise<ReconcileResult>;
  backoff?: BackoffOptions;
  /** Told about each failed pass. */
  onError?: (key: string, error: unknown, retryIn: number) => void;
  random?: () => number;
}

interface Entry {
  /** When it may run; milliseconds since the epoch. */
  due: number;
  failures: number;
  /** Asked for again while it ran. */
  dirty: boolean;
  running: boolean;
}

/**
 * A keyed work queue with one pass at a time per key: requests for a waiting key coalesce, a request during a pass
 * causes exactly one more, failures back off with jitter and a new request cuts the back-off short.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions & { backoff: BackoffOptions; random: () => number };
  readonly #entries = new Map<string, Entry>();
  readonly #abort = new AbortController();
  readonly #running = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ReconcilerOptions) {
    this.#options = { backoff: { initial: 200, maximum: 60_000 }, random: Math.random, ...options };
  }

  /** Asks for a pass over `key` as soon as possible. */
  request(key: string): void {
    if (this.#abort.signal.aborted) return;
    const entry = this.#entries.get(key);
    if (entry?.running) entry.dirty = true;
    else
      this.#entries.set(key, {
        due: Date.now(),
        failures: entry?.failures ?? 0,
        dirty: false,
        running: false,
      });
    this.#schedule();
  }

  /** Aborts running passes and waits for them. */
  async stop(): Promise<void> {
    this.#abort.abort(new Error(`${this.#options.name} is stopping`));
    clearTimeout(this.#timer);
    await Promise.all(this.#running);
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#abort.signal.aborted) return;
    const dues = [...this.#entries.values()].filter((entry) => !entry.running).map((entry) => entry.due);
    if (dues.length === 0) return;
    this.#timer = setTimeout(() => this.#runDue(), Math.max(0, Math.min(...dues) - Date.now()));
  }

  #runDue(): void {
    const now = Date.now();
    for (const [key, entry] of this.#entries) {
      if (entry.running || entry.due > now) continue;
      entry.running = true;
      entry.dirty = false;
      const pass = this.#pass(key, entry).finally(() => {
        this.#running.delete(pass);
        this.#schedule();
      });
      this.#running.add(pass);
    }
    this.#schedule();
  }

  async #pass(key: string, entry: Entry): Promise<void> {
    let delay: number | undefined;
    try {
      const result = await this.#options.reconcile(key, this.#abort.signal);
      entry.failures = 0;
      delay = 'requeueAfter' in result ? result.requeueAfter : undefined;
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      entry.failures += 1;
      delay = backoffDelay(entry.failures, this.#options.backoff, this.#options.random());
      this.#options.onError?.(key, error instanceof Error ? error : new Error(messageOf(error)), delay);
    }
    entry.running = false;
    if (entry.dirty) entry.due = Date.now();
    else if (delay !== undefined) entry.due = Date.now() + delay;
    else this.#entries.delete(key);
  }
}
