import { DomainError } from '../errors.js';
import type { ObjectStore, StoredObject, Write } from '../store/object-store.js';

/** More than any fair number of writers that are faster; then something else is wrong. */
const MAX_ATTEMPTS = 50;

/**
 * Writes what `decide` makes of the newest state, and decides again when somebody else was faster. What `decide` throws (a
 * stale precondition for one) is final, and so is nothing to write.
 */
export async function commit(
  store: ObjectStore,
  author: string | undefined,
  decide: () => Promise<Write[]>,
): Promise<StoredObject[]> {
  for (let attempt = 1; ; attempt += 1) {
    const writes = await decide();
    if (writes.length === 0) return [];
    try {
      return await store.transact(writes, author === undefined ? {} : { author });
    } catch (error) {
      if (attempt === MAX_ATTEMPTS || !isLostRace(error)) throw error;
    }
  }
}

function isLostRace(error: unknown): boolean {
  return error instanceof DomainError && ['revision-mismatch', 'already-exists'].includes(error.code);
}
