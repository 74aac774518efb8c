import type { DocumentUpgrades } from '../document-upgrades.js';
import type { StoredObject } from '../object-store.js';
import { storageFailed } from './storage-errors.js';

/** The columns of an object in the order in which every statement of this folder selects them. */
export const OBJECT_COLUMNS =
  'kind, id, revision, sequence, labels, document, created_at, updated_at, author, schema_version';

export type ObjectRow = [
  kind: string,
  id: string,
  revision: number,
  sequence: number,
  labels: string,
  document: string,
  createdAt: string,
  updatedAt: string,
  author: string | null,
  schemaVersion: number,
];

/**
 * @throws DomainError `storage-failed` when the file holds something that is no JSON; `document-newer`
 */
export function toObject<T>(row: ObjectRow, upgrades: DocumentUpgrades): StoredObject<T> {
  const [kind, id, revision, sequence, , , createdAt, updatedAt, author, schemaVersion] = row;
  const { labels, document } = parse(row);
  return {
    kind,
    id,
    revision,
    sequence,
    labels,
    document: upgrades.upgrade(kind, schemaVersion, document) as T,
    createdAt,
    updatedAt,
    author,
  };
}

function parse([kind, id, , , labels, document]: ObjectRow): {
  labels: Record<string, string>;
  document: unknown;
} {
  try {
    return {
      labels: JSON.parse(labels) as Record<string, string>,
      document: JSON.parse(document) as unknown,
    };
  } catch (cause) {
    throw storageFailed(
      `The stored ${kind} "${id}" is damaged and cannot be read. Restore the data directory from a backup.`,
      cause,
    );
  }
}
