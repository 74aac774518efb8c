import { createHash } from 'node:crypto';
import type { Change } from '../store/object-store.js';

/** A place in the log of changes: everything of `kinds` up to `sequence` has been sent. */
export interface EventPosition {
  sequence: number;
  /** Tells the change at `sequence` from one that another store, or this one before a restore, had there. */
  anchor: string;
}

/** Anchor of the place before the first change. */
export const BEGINNING = 'begin';
/** Of events before `snapshot-complete`: who has only these starts over. */
export const SNAPSHOT_ID = Buffer.from('1:snapshot').toString('base64url');

/** A digest of one change, the same after a restart. */
export function anchorOf({ op, object }: Change): string {
  const { kind, id, revision, createdAt, updatedAt } = object;
  return digest([op, kind, id, revision, createdAt, updatedAt]).slice(0, 16);
}

/** A digest of what a reader asked for: an id is worth nothing to one who asks for other kinds. */
export function scopeOf(kinds: string[]): string {
  return digest([...kinds].sort()).slice(0, 8);
}

export function encodeEventId({ sequence, anchor }: EventPosition, scope: string): string {
  return Buffer.from(`1:${sequence}:${anchor}:${scope}`).toString('base64url');
}

/** `undefined` for what is not an id of such a stream: a text of somebody else, other kinds, an unfinished snapshot. */
export function decodeEventId(id: string, scope: string): EventPosition | undefined {
  const text = Buffer.from(id, 'base64url').toString();
  const match = /^1:(0|[1-9]\d{0,14}):([a-z0-9]+):([a-f0-9]{8})$/.exec(text);
  const [, sequence, anchor, ofScope] = match ?? [];
  if (sequence === undefined || anchor === undefined || ofScope !== scope) return undefined;
  return { sequence: Number(sequence), anchor };
}

function digest(parts: unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}
