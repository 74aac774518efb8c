import { DomainError } from '../../platform/errors.js';
import { errnoOf, fileError } from '../../platform/files/file-error.js';
import { RequestError } from './request-error.js';

const RETRY_AFTER = 5;
const STORAGE = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM', 'EIO', 'EMFILE', 'ENFILE']);

/** 507 or 503 for an error of the data directory, so that the caller tries again; null for any other error. */
export function storageError(error: unknown): RequestError | null {
  const errno = errnoOf(error) ?? '';
  const known =
    error instanceof DomainError ? error : STORAGE.has(errno) ? fileError(error, 'write', 'the data') : null;
  if (known === null) return null;
  return known.category === 'insufficient-storage'
    ? new RequestError(507, known.code, known.message, RETRY_AFTER)
    : new RequestError(503, known.code, known.message, RETRY_AFTER);
}
