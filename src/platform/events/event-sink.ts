import { once } from 'node:events';
import type { ServerResponse } from 'node:http';

/** How long a stream that ends may take to hand over its last bytes. */
const FLUSH_MS = 1_000;

/** One reader's connection. It never holds more than the socket's own buffer and the event that filled it. */
export class EventSink {
  readonly #abort = new AbortController();
  readonly #heartbeat: NodeJS.Timeout;

  /** @param ending aborts when the service stops */
  constructor(
    private readonly response: ServerResponse,
    private readonly ending: AbortSignal,
    heartbeatMs: number,
  ) {
    const end = (): void => this.#abort.abort();
    response.once('close', () => {
      clearInterval(this.#heartbeat);
      ending.removeEventListener('abort', end);
      end();
    });
    // A write to a peer that has gone; 'close' follows.
    response.on('error', () => undefined);
    if (ending.aborted) end();
    else ending.addEventListener('abort', end, { once: true });
    this.#heartbeat = setInterval(() => {
      if (this.hasRoom && !this.signal.aborted) response.write(': heartbeat\n\n');
    }, heartbeatMs);
  }

  /** Aborts when the reader has gone or the service stops. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get hasRoom(): boolean {
    return !this.response.writableNeedDrain;
  }

  /** The caller waits for `room` before the next one. */
  write(text: string): void {
    if (!this.signal.aborted) this.response.write(text);
  }

  /** Waits until the reader has taken what was sent, at most `milliseconds`; answers whether it has. */
  async room(milliseconds: number): Promise<boolean> {
    if (this.hasRoom || this.signal.aborted) return this.hasRoom;
    const waiting = new AbortController();
    const stop = (): void => waiting.abort();
    const timer = setTimeout(stop, milliseconds);
    this.signal.addEventListener('abort', stop, { once: true });
    try {
      await once(this.response, 'drain', { signal: waiting.signal });
    } catch {
      // Time is up, the reader has gone, or the service stops: the answer says whether there is room all the same.
    } finally {
      clearTimeout(timer);
      this.signal.removeEventListener('abort', stop);
    }
    return this.hasRoom;
  }

  /** Ends the stream; the reader may come back after `retryMs`. */
  end(retryMs: number): void {
    clearInterval(this.#heartbeat);
    if (this.response.destroyed) return;
    this.response.end(`retry: ${retryMs}\n\n`);
    const timer = setTimeout(() => this.response.destroy(), FLUSH_MS);
    this.response.once('close', () => clearTimeout(timer));
  }
}
