import { messageOf } from '../errors.js';
import type { Change, ObjectStore } from '../store/object-store.js';

const RETRY_MS = 1_000;

export interface StoreTriggerOptions {
  store: ObjectStore;
  kinds: string[];
  /** Called once at the start (everything may have changed while nobody watched), then after each change. */
  onChange: (change: Change | undefined) => void;
  onError: (message: string) => void;
}

/** Lets a loop learn of changes from the store, and from nothing else. Starts over when its place in the log is gone. */
export class StoreTrigger {
  readonly #abort = new AbortController();
  readonly #done: Promise<void>;

  constructor(private readonly options: StoreTriggerOptions) {
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { store, kinds, onChange, onError } = this.options;
    const { signal } = this.#abort;
    while (!signal.aborted) {
      try {
        const after = await store.sequence();
        onChange(undefined);
        for await (const change of store.watch({ kinds, after, signal })) onChange(change);
        if (!signal.aborted) throw new Error('the watch ended');
      } catch (error) {
        if (signal.aborted) return;
        onError(messageOf(error));
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }
}
