import { DomainError } from '../errors.js';
import type { ObjectStore, StoredObject } from '../store/object-store.js';
import {
  anchorOf,
  BEGINNING,
  decodeEventId,
  encodeEventId,
  scopeOf,
  SNAPSHOT_ID,
  type EventPosition,
} from './event-id.js';
import { frame, type EventFrames } from './event-frames.js';
import type { EventSink } from './event-sink.js';
import type { EventStreamLimits } from './event-stream-limits.js';

/** Why a reader has to start over. */
type ResyncReason = 'compacted' | 'foreign-id' | 'too-slow';

export interface EventStreamParts {
  store: ObjectStore;
  frames: EventFrames;
  sink: EventSink;
  limits: EventStreamLimits;
  /** Of the store. */
  kinds: string[];
  lastEventId: string | undefined;
}

/**
 * Sends one reader a snapshot and then every change, or every change since its last event. Pulls from the store's log at
 * the reader's pace, so nothing is queued for a reader that does not read.
 */
export class EventStream {
  readonly #scope: string;

  constructor(private readonly parts: EventStreamParts) {
    this.#scope = scopeOf(parts.kinds);
  }

  /** Ends when the reader has gone or the service stops. */
  async run(): Promise<void> {
    const { lastEventId, sink } = this.parts;
    let start: EventPosition | ResyncReason | undefined;
    if (lastEventId !== undefined) start = await this.#resume(lastEventId);
    while (!sink.signal.aborted) {
      if (typeof start === 'object') {
        const reason = await this.#follow(start, new Map());
        if (reason === undefined) return;
        start = reason;
        continue;
      }
      if (start !== undefined)
        await this.#send(frame('resync', SNAPSHOT_ID, JSON.stringify({ reason: start })));
      start = await this.#snapshotAndFollow();
      if (start === undefined) return;
    }
  }

  async #resume(lastEventId: string): Promise<EventPosition | ResyncReason> {
    const position = decodeEventId(lastEventId, this.#scope);
    if (!position) return 'foreign-id';
    const anchor = await this.#anchorAt(position.sequence);
    if (anchor === undefined) return 'compacted';
    return anchor === position.anchor ? position : 'foreign-id';
  }

  async #snapshotAndFollow(): Promise<ResyncReason | undefined> {
    const { store, kinds, sink, frames } = this.parts;
    const sequence = await store.sequence();
    const anchor = await this.#anchorAt(sequence);
    if (anchor === undefined) return 'compacted';
    /** Objects that the snapshot shows newer than `sequence`: their changes up to then need not be sent again. */
    const newer = new Map<string, number>();
    for (const kind of kinds) {
      for await (const object of store.all(kind)) {
        if (object.sequence > sequence) newer.set(keyOf(object), object.sequence);
        const data = await frames.data({ op: 'put', sequence: object.sequence, object });
        await this.#send(frame('put', SNAPSHOT_ID, data));
        if (sink.signal.aborted) return undefined;
      }
    }
    const position = { sequence, anchor };
    await this.#send(frame('snapshot-complete', encodeEventId(position, this.#scope), '{}'));
    return this.#follow(position, newer);
  }

  /** @param newer what has been sent already; @returns why the reader must start over, `undefined` when the stream is over */
  async #follow(start: EventPosition, newer: Map<string, number>): Promise<ResyncReason | undefined> {
    const { store, sink, limits } = this.parts;
    let { sequence } = start;
    try {
      while (!sink.signal.aborted) {
        sequence = await this.#sendUntilFull(sequence, newer);
        if (sink.signal.aborted) return undefined;
        const stalledSince = performance.now();
        if (!(await sink.room(limits.closeAfterMs))) return undefined;
        const stalled = performance.now() - stalledSince;
        if (stalled >= limits.stallMs && (await store.sequence()) - sequence > limits.lag) return 'too-slow';
      }
      return undefined;
    } catch (error) {
      if (isCompacted(error)) return 'compacted';
      throw error;
    }
  }

  /** Sends changes until the reader does not take them; then the batch that the watch holds is given back. */
  async #sendUntilFull(after: number, newer: Map<string, number>): Promise<number> {
    const { store, kinds, sink, frames, limits } = this.parts;
    let sequence = after;
    for await (const change of store.watch({ kinds, after, signal: sink.signal })) {
      sequence = change.sequence;
      const key = keyOf(change.object);
      const sent = newer.get(key);
      if (sent !== undefined) {
        if (sequence >= sent) newer.delete(key);
        if (sequence <= sent) continue;
      }
      const id = encodeEventId({ sequence, anchor: anchorOf(change) }, this.#scope);
      sink.write(frame(change.op, id, await frames.data(change)));
      if (!(await sink.room(limits.holdMs))) break;
    }
    return sequence;
  }

  async #send(text: string): Promise<void> {
    const { sink, limits } = this.parts;
    sink.write(text);
    await sink.room(limits.closeAfterMs);
  }

  /** `undefined` when the change is not in the log any more, or not yet. */
  async #anchorAt(sequence: number): Promise<string | undefined> {
    if (sequence === 0) return BEGINNING;
    const { store, sink } = this.parts;
    if (sequence > (await store.sequence())) return undefined;
    try {
      for await (const change of store.watch({ after: sequence - 1, signal: sink.signal })) {
        return change.sequence === sequence ? anchorOf(change) : undefined;
      }
    } catch (error) {
      if (!isCompacted(error)) throw error;
    }
    return undefined;
  }
}

function keyOf({ kind, id }: StoredObject): string {
  return `${kind}/${id}`;
}

function isCompacted(error: unknown): boolean {
  return error instanceof DomainError && error.code === 'compacted';
}
