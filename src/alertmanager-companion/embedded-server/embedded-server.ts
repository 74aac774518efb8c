import type { Logger } from 'pino';
import type { MessagePage } from '../companion-api.js';
import { RequestError } from '../http/request-error.js';
import { storageError } from '../http/storage-error.js';
import { messageOf } from '../../platform/errors.js';
import { MessageLog, type LogBounds } from './message-log.js';
import { MessageRing, type Entry, type RingBounds } from './message-ring.js';
import { PayloadError, alertsOf, type DeliveredAlert } from './webhook-payload.js';

const MIB = 1024 * 1024;
export const RING_BOUNDS: RingBounds = { count: 10_000, bytes: 16 * MIB };
export const LOG_BOUNDS: LogBounds = { segmentBytes: 4 * MIB, totalBytes: 40 * MIB };

interface Waiting {
  alerts: DeliveredAlert[];
  receivedAt: string;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/** Keeps what Alertmanager delivers. A delivery is answered when it is durable, and seen by readers only then. */
export class EmbeddedServer {
  readonly #ring: MessageRing;
  readonly #log: MessageLog;
  #ringId = '';
  #waiting: Waiting[] = [];
  #writer: Promise<void> | null = null;

  constructor(
    directory: string,
    private readonly options: {
      log: Logger;
      now: () => number;
      ringBounds?: RingBounds;
      logBounds?: LogBounds;
    },
  ) {
    this.#ring = new MessageRing(options.ringBounds ?? RING_BOUNDS);
    this.#log = new MessageLog(directory, options.logBounds ?? LOG_BOUNDS);
  }

  async start(): Promise<void> {
    const { ring, entries, damaged } = await this.#log.load();
    this.#ringId = ring;
    this.#ring.add(entries);
    if (damaged > 0)
      this.options.log.error(
        { damaged },
        'Lines of the message log cannot be read; the ring has a new name.',
      );
    if (damaged > 0 || this.#log.wantsCompaction) await this.#compact();
  }

  /**
   * Takes one call of Alertmanager's webhook.
   * @throws RequestError 400 when it is no notification, 507 or 503 when it could not be kept (Alertmanager calls again)
   */
  async receive(payload: unknown): Promise<void> {
    let alerts: DeliveredAlert[];
    try {
      alerts = alertsOf(payload);
    } catch (error) {
      if (error instanceof PayloadError) throw new RequestError(400, 'malformed', error.message);
      throw error;
    }
    if (alerts.length === 0) return;
    const receivedAt = new Date(this.options.now()).toISOString();
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push({ alerts, receivedAt, resolve, reject });
      this.#writer ??= this.#write();
    });
  }

  page(after: number, limit: number): MessagePage {
    return this.#ring.page(after, limit, this.#ringId);
  }

  async close(): Promise<void> {
    await this.#writer;
    await this.#log.close();
  }

  /** One write and one sync for all calls that arrived while the ones before were being written. */
  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      const entries = this.#ring.prepare(
        batch.flatMap(({ alerts, receivedAt }) => alerts.map((alert) => ({ alert, receivedAt }))),
      );
      try {
        await this.#keep(entries);
        for (const { resolve } of batch) resolve();
      } catch (error) {
        this.options.log.error(
          { reason: messageOf(error) },
          'Messages could not be kept; Alertmanager sends them again.',
        );
        for (const { reject } of batch) reject(notKept(error));
      }
    }
    // In the same turn as the last look at the queue, so that no call falls between.
    this.#writer = null;
  }

  async #keep(entries: Entry[]): Promise<void> {
    await this.#log.append(entries);
    this.#ring.add(entries);
    if (this.#log.wantsCompaction) await this.#compact();
  }

  async #compact(): Promise<void> {
    await this.#log.compact(this.#ring.entries()).catch((error: unknown) => {
      this.options.log.warn(
        { reason: messageOf(error) },
        'The message log could not be compacted; tried again later.',
      );
    });
  }
}

function notKept(error: unknown): RequestError {
  return (
    storageError(error) ??
    new RequestError(503, 'unavailable', 'The messages could not be written down; send them again.', 5)
  );
}
