import { DomainError } from '../../platform/errors.js';

/** What a backup says of itself. */
export interface BackupManifest {
  /** The release that wrote it. */
  opni: string;
  /** RFC 3339. */
  createdAt: string;
  store: { format: number; sequence: number };
  /** Ids of the keys that seal what is in it. */
  keyIds: string[];
  /** In the order in which their contents follow. */
  files: BackupEntry[];
}

export interface BackupEntry {
  /** Below the data directory, with `/`. */
  path: string;
  /** Bytes. */
  size: number;
  /** Lower-case hex. */
  sha256: string;
}

export const STORE_FILE = 'opni.db';
export const TLS_DIRECTORY = 'tls';

const PATH = /^(opni\.db|tls(\/[A-Za-z0-9_][A-Za-z0-9_.-]*)+)$/;
const SHA256 = /^[0-9a-f]{64}$/;
const KEY_ID = /^[0-9a-f]{8}$/;

/** @throws DomainError `backup-damaged` */
export function parseManifest(text: string, file: string): BackupManifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw damaged(file, 'its table of contents is no JSON');
  }
  if (!isManifest(value)) throw damaged(file, 'its table of contents is not one of a backup');
  return value;
}

/** Whether a file may be in a backup, and nowhere but in the data directory when it is restored. */
export function isBackupPath(path: string): boolean {
  return PATH.test(path);
}

/** @param what a main clause */
export function damaged(file: string, what: string): DomainError {
  return new DomainError({
    category: 'unavailable',
    code: 'backup-damaged',
    detail: `The backup ${file} is damaged: ${what}. Nothing was changed. Use another backup.`,
  });
}

function isManifest(value: unknown): value is BackupManifest {
  if (!isObject(value) || !isObject(value['store'])) return false;
  const { opni, createdAt, store, keyIds, files } = value as Record<string, unknown> & {
    store: Record<string, unknown>;
  };
  return (
    typeof opni === 'string' &&
    typeof createdAt === 'string' &&
    isCount(store['format']) &&
    isCount(store['sequence']) &&
    Array.isArray(keyIds) &&
    keyIds.every((id) => typeof id === 'string' && KEY_ID.test(id)) &&
    Array.isArray(files) &&
    files.every(isEntry) &&
    new Set(files.map(({ path }) => path)).size === files.length &&
    files.some(({ path }) => path === STORE_FILE)
  );
}

function isEntry(value: unknown): value is BackupEntry {
  if (!isObject(value)) return false;
  const { path, size, sha256 } = value;
  return (
    typeof path === 'string' &&
    isBackupPath(path) &&
    isCount(size) &&
    typeof sha256 === 'string' &&
    SHA256.test(sha256)
  );
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
