import { Worker } from 'node:worker_threads';
import { messageOf } from '../../errors.js';
import { fromWireError, type TransactRequest, type WriterMessage, type WriterOptions } from './protocol.js';
import type { WriterRequest } from './protocol.js';
import type { ObjectRow } from './rows.js';
import { storageFailed } from './storage-errors.js';

interface Pending {
  resolve(rows: ObjectRow[]): void;
  reject(error: unknown): void;
}

export interface WriterEvents {
  /** Called for each commit before its writers are answered. */
  committed(head: number, kinds: string[]): void;
  warning(text: string): void;
  /** The writer died on its own. */
  died(error: Error): void;
}

/** The main thread's end of the writer thread. */
export class WriterClient {
  readonly #worker: Worker;
  readonly #events: WriterEvents;
  readonly #file: string;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #ended: Error | undefined;
  #exited: Promise<void>;

  private constructor(worker: Worker, file: string, events: WriterEvents) {
    this.#worker = worker;
    this.#file = file;
    this.#events = events;
    this.#exited = new Promise((resolve) => worker.once('exit', () => resolve()));
  }

  /** @throws DomainError with the reason why the file is refused. */
  static async start(
    options: WriterOptions,
    events: WriterEvents,
  ): Promise<{ client: WriterClient; head: number }> {
    const worker = new Worker(workerUrl(), { workerData: options, name: 'store-writer' });
    const client = new WriterClient(worker, options.file, events);
    const head = await new Promise<number>((resolve, reject) => {
      worker.once('message', (message: WriterMessage) => {
        if (message.type === 'ready') resolve(message.head);
        else if (message.type === 'refused') reject(fromWireError(message.error));
      });
      worker.once('error', reject);
      worker.once('exit', () => reject(client.#death('it ended while it started')));
    });
    client.#listen();
    return { client, head };
  }

  transact(request: Omit<TransactRequest, 'type' | 'id'>): Promise<ObjectRow[]> {
    return this.#request((id) => ({ type: 'transact', id, ...request }));
  }

  async check(): Promise<void> {
    await this.#request((id) => ({ type: 'check', id }));
  }

  /** Everything that was asked before is still done. */
  async close(): Promise<void> {
    if (!this.#ended) {
      const closed = this.#request((id) => ({ type: 'close', id }));
      this.#ended = storageFailed(`The store ${this.#file} is closed. Open it again to write.`);
      await closed.catch((error: unknown) => this.#events.warning(messageOf(error)));
    }
    await this.#exited;
  }

  #request(build: (id: number) => WriterRequest): Promise<ObjectRow[]> {
    if (this.#ended) return Promise.reject(this.#ended);
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origin
      this.#worker.postMessage(build(id));
    });
  }

  #listen(): void {
    this.#worker.removeAllListeners('error');
    this.#worker.on('message', (message: WriterMessage) => this.#receive(message));
    this.#worker.on('error', (error) => this.#die(this.#death(messageOf(error))));
    this.#worker.on('exit', (code) => this.#die(this.#death(`exit code ${code}`)));
  }

  #receive(message: WriterMessage): void {
    if (message.type === 'warning') this.#events.warning(message.text);
    if (message.type !== 'answers') return;
    if (message.kinds.length > 0) this.#events.committed(message.head, message.kinds);
    for (const answer of message.answers) {
      const pending = this.#pending.get(answer.id);
      this.#pending.delete(answer.id);
      if ('error' in answer) pending?.reject(fromWireError(answer.error));
      else pending?.resolve(answer.rows);
    }
  }

  #die(error: Error): void {
    for (const pending of this.#pending.values()) pending.reject(error);
    this.#pending.clear();
    if (this.#ended) return;
    this.#ended = error;
    this.#events.died(error);
  }

  #death(why: string): Error {
    return storageFailed(
      `The writer of the store ${this.#file} has stopped (${why}). What was being written may or may not be saved; reads go on. Restart the gateway.`,
    );
  }
}

/** Worker threads cannot load TypeScript: where a test runner loads this file from `src`, the built one is used. */
function workerUrl(): URL {
  const here = import.meta.url;
  const built = here.endsWith('.ts') ? here.replace(/\/src\/(?=platform\/store\/[^?]*$)/, '/dist/') : here;
  return new URL('./writer.worker.js', built);
}
