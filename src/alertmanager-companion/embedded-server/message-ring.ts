import type { Message, MessagePage } from '../companion-api.js';
import type { DeliveredAlert } from './webhook-payload.js';

export interface RingBounds {
  /** Messages that are kept. */
  count: number;
  /** Bytes of their JSON that are kept. */
  bytes: number;
}

/** A message together with the line that stands for it on disk. */
export interface Entry {
  message: Message;
  line: string;
  bytes: number;
}

/** Bytes of messages in one page, so that a page of large ones stays an answer and not a download. */
const PAGE_BYTES = 4 * 1024 * 1024;

/** The newest messages by sequence, one for each alert (fingerprint and start). Memory only; `MessageLog` keeps them. */
export class MessageRing {
  /** In the order of their sequence: an update moves a message to the end. */
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;
  #last = 0;

  constructor(private readonly bounds: RingBounds) {}

  get last(): number {
    return this.#last;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#entries.size;
  }

  entries(): Iterable<Entry> {
    return this.#entries.values();
  }

  /**
   * What the ring would hold after these deliveries, oldest first; changes nothing, so that the result can be made
   * durable before anyone sees it.
   */
  prepare(deliveries: { alert: DeliveredAlert; receivedAt: string }[]): Entry[] {
    const pending = new Map<string, Message>();
    let sequence = this.#last;
    for (const { alert, receivedAt } of deliveries) {
      const key = keyOf(alert);
      const known = pending.get(key) ?? this.#entries.get(key)?.message;
      sequence += 1;
      pending.delete(key);
      pending.set(key, {
        sequence,
        ...alert,
        firstReceivedAt: known?.firstReceivedAt ?? receivedAt,
        lastReceivedAt: receivedAt,
        deliveries: (known?.deliveries ?? 0) + 1,
      });
    }
    return [...pending.values()].map(entryOf);
  }

  /** Takes entries in the order of their sequence; the oldest fall out when a bound is passed. */
  add(entries: Entry[]): void {
    for (const entry of entries) {
      const key = keyOf(entry.message);
      const known = this.#entries.get(key);
      if (known !== undefined) this.#remove(key, known);
      this.#entries.set(key, entry);
      this.#bytes += entry.bytes;
      this.#last = Math.max(this.#last, entry.message.sequence);
    }
    for (const [key, entry] of this.#entries) {
      if (this.#entries.size <= this.bounds.count && this.#bytes <= this.bounds.bytes) break;
      this.#remove(key, entry);
    }
  }

  /** At most `limit` messages after a sequence, oldest first. */
  page(after: number, limit: number, ring: string): MessagePage {
    const items: Message[] = [];
    let bytes = 0;
    for (const { message, bytes: size } of this.#entries.values()) {
      if (message.sequence <= after) continue;
      if (items.length === limit || (items.length > 0 && bytes + size > PAGE_BYTES)) break;
      items.push(message);
      bytes += size;
    }
    return { items, last: items.at(-1)?.sequence ?? Math.min(after, this.#last), ring };
  }

  #remove(key: string, entry: Entry): void {
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
  }
}

export function entryOf(message: Message): Entry {
  const line = `${JSON.stringify(message)}\n`;
  return { message, line, bytes: Buffer.byteLength(line) };
}

function keyOf({ fingerprint, startsAt }: { fingerprint: string; startsAt: string }): string {
  return `${startsAt} ${fingerprint}`;
}
