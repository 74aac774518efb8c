import type { ComponentProgress, ResolveOptions } from './component-catalogue.js';

/**
 * One piece of work that several callers wait for: each hears its progress, each may give up alone, and the work is aborted
 * when the last one has.
 */
export class SharedWork<T> {
  private readonly controller = new AbortController();
  private readonly listeners = new Set<(progress: ComponentProgress) => void>();
  private readonly result: Promise<T>;
  private waiting = 0;

  constructor(start: (signal: AbortSignal, report: (progress: ComponentProgress) => void) => Promise<T>) {
    this.result = start(this.controller.signal, (progress) => {
      for (const listener of this.listeners) listener(progress);
    });
    // Whoever gave up no longer listens; those that wait get the rejection from `join`.
    this.result.catch(() => undefined);
  }

  /** Given up by everybody: a new caller must start anew. */
  get abandoned(): boolean {
    return this.controller.signal.aborted;
  }

  /** @throws what the work throws, or the caller's own signal's reason */
  async join({ signal, onProgress }: ResolveOptions): Promise<T> {
    signal?.throwIfAborted();
    this.waiting += 1;
    // A function of its own per caller, since two may pass the same one.
    const listener = (progress: ComponentProgress): void => onProgress?.(progress);
    this.listeners.add(listener);
    let onAbort: (() => void) | undefined;
    try {
      if (!signal) return await this.result;
      const givenUp = new Promise<never>((_resolve, reject) => {
        onAbort = () =>
          reject(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)));
        signal.addEventListener('abort', onAbort, { once: true });
      });
      return await Promise.race([this.result, givenUp]);
    } finally {
      if (onAbort) signal?.removeEventListener('abort', onAbort);
      this.listeners.delete(listener);
      this.waiting -= 1;
      if (this.waiting === 0) this.controller.abort();
    }
  }
}
