import type { StoredObject } from '../object-store.js';
import { storageFailed } from './storage-errors.js';

/** The columns of an object in the order in which every statement of this folder selects them. */
export const OBJECT_COLUMNS = 'kind, id, revision, sequence, labels, document, created_at, updated_at';

export type ObjectRow = [
  kind: string,
  id: string,
  revision: number,
  sequence: number,
  labels: string,
  document: string,
  createdAt: string,
  updatedAt: string,
];

/** @throws DomainError `storage-failed` when the file holds something that is no JSON. */
export function toObject<T>(row: ObjectRow): StoredObject<T> {
  const [kind, id, revision, sequence, labels, document, createdAt, updatedAt] = row;
  try {
    return {
      kind,
      id,
      revision,
      sequence,
      labels: JSON.parse(labels) as Record<string, string>,
      document: JSON.parse(document) as T,
      createdAt,
      updatedAt,
    };
  } catch (cause) {
    throw storageFailed(
      `The stored ${kind} "${id}" is damaged and cannot be read. Restore the data directory from a backup.`,
      cause,
    );
  }
}
