import { Injectable, Logger } from '@nestjs/common';
import { messageOf } from '../errors.js';
import type { Change } from '../store/object-store.js';
import { PublicKinds } from './public-kinds.js';

/** Frames that are kept for the other readers of the same change. */
const KEPT_FRAMES = 512;
const KEPT_BYTES = 4 * 1024 * 1024;

/** One event of a stream as it is sent; without `data`, a reader's library would drop it. */
export function frame(event: string, id: string, data: string): string {
  return `event: ${event}\nid: ${id}\ndata: ${data}\n\n`;
}

/** The `data` of events, made once for all readers of a change. */
@Injectable()
export class EventFrames {
  readonly #logger = new Logger(EventFrames.name);
  readonly #kept = new Map<string, { data: Promise<string>; bytes: number }>();
  #bytes = 0;

  constructor(private readonly kinds: PublicKinds) {}

  /** `{kind, id, revision, object}` as JSON: the object as GET answers it, of a deletion its last state. */
  data(change: Change): Promise<string> {
    const key = `${change.op} ${change.sequence}`;
    const known = this.#kept.get(key);
    if (known) return known.data;
    const entry = { data: this.#build(change), bytes: 0 };
    this.#kept.set(key, entry);
    void entry.data.then((text) => this.#account(key, entry, text.length));
    return entry.data;
  }

  async #build({ object }: Change): Promise<string> {
    const kind = this.kinds.ofStore(object.kind);
    const { id, revision } = object;
    let shown: object | null = null;
    try {
      shown = (await kind?.represent(object)) ?? null;
    } catch (error) {
      // One object that cannot be shown must not end every stream at its change, again and again.
      this.#logger.error(`The ${object.kind} "${id}" cannot be shown in events: ${messageOf(error)}`);
    }
    return JSON.stringify({ kind: kind?.name, id, revision, object: shown });
  }

  #account(key: string, entry: { bytes: number }, bytes: number): void {
    if (this.#kept.get(key) !== entry) return;
    entry.bytes = bytes;
    this.#bytes += bytes;
    for (const [oldest, { bytes: freed }] of this.#kept) {
      if (this.#kept.size <= KEPT_FRAMES && this.#bytes <= KEPT_BYTES) break;
      this.#kept.delete(oldest);
      this.#bytes -= freed;
    }
  }
}
