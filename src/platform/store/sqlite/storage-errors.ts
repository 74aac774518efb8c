import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { DomainError, messageOf } from '../../errors.js';

/** Below this many free bytes an I/O error is put down to the full disk (SQLite cannot tell for its shared-memory file). */
const NEARLY_NOTHING = 128 * 1024;

export function storageFailed(detail: string, cause?: unknown): DomainError {
  return new DomainError({ category: 'unavailable', code: 'storage-failed', detail, cause });
}

export function storageFull(path: string, cause?: unknown): DomainError {
  return new DomainError({
    category: 'insufficient-storage',
    code: 'storage-full',
    detail: `The file system of ${path} is full; nothing was changed. Free some space there and try again.`,
    cause,
  });
}

/** The code of a SQLite or system error, e.g. `SQLITE_FULL` or `ENOSPC`; '' for anything else. */
export function errorCode(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : '';
}

/** What a failure of SQLite on `file` means to a caller. A `DomainError` stays what it is. */
export function toStorageError(error: unknown, file: string): DomainError {
  if (error instanceof DomainError) return error;
  const code = errorCode(error);
  if (code === 'SQLITE_FULL' || code === 'ENOSPC' || code === 'EDQUOT') return storageFull(file, error);
  if (code.startsWith('SQLITE_IOERR') && isOutOfSpace(file)) return storageFull(file, error);
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') {
    return storageFailed(
      `The store ${file} is damaged (${messageOf(error)}). Stop the gateway and restore the data directory from a backup.`,
      error,
    );
  }
  return storageFailed(
    `The store ${file} cannot be used (${messageOf(error)}). Check the disk and its mount, then restart the gateway.`,
    error,
  );
}

/** Whether next to nothing is free where `file` is. */
export function isOutOfSpace(file: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(dirname(file));
    return bavail * bsize < NEARLY_NOTHING;
  } catch {
    return false;
  }
}
