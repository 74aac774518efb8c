import { DomainError, type ErrorCategory } from '../errors.js';

interface Explanation {
  category: ErrorCategory;
  code: string;
  what: string;
  todo: string;
}

const FULL: Explanation = {
  category: 'insufficient-storage',
  code: 'disk-full',
  what: 'there is no space left on its file system',
  todo: 'Free some space or move the directory to a larger volume, then try again.',
};
const NOT_PERMITTED: Explanation = {
  category: 'unavailable',
  code: 'file-not-permitted',
  what: 'this user may not do that',
  todo: 'Give the user that runs opni ownership of the directory and its files.',
};

const EXPLANATIONS: Record<string, Explanation> = {
  ENOSPC: FULL,
  EDQUOT: { ...FULL, what: 'the disk quota is used up' },
  EROFS: {
    category: 'unavailable',
    code: 'read-only-file-system',
    what: 'its file system is mounted read-only',
    todo: 'Mount it writable or choose a directory that is.',
  },
  EACCES: NOT_PERMITTED,
  EPERM: NOT_PERMITTED,
  ENOENT: {
    category: 'internal',
    code: 'file-missing',
    what: 'the file or its directory does not exist',
    todo: 'Put it back, or correct the path.',
  },
  ENOTDIR: {
    category: 'internal',
    code: 'not-a-directory',
    what: 'a part of the path is not a directory',
    todo: 'Correct the path, or move away what stands in its place.',
  },
  EISDIR: {
    category: 'internal',
    code: 'is-a-directory',
    what: 'it is a directory, not a file',
    todo: 'Correct the path, or move the directory away.',
  },
};

/** The errno name (`ENOENT`) of a system error, else `undefined`. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/**
 * Turns a system error into a `DomainError` that names the path and what to do. A `DomainError` passes unchanged.
 * @param action a verb, e.g. `write`: "Cannot write /data/x: …"
 */
export function fileError(error: unknown, action: string, path: string): DomainError {
  if (error instanceof DomainError) return error;
  const errno = errnoOf(error);
  const known = errno === undefined ? undefined : EXPLANATIONS[errno];
  if (known) {
    return new DomainError({
      category: known.category,
      code: known.code,
      detail: `Cannot ${action} ${path}: ${known.what} (${errno}). ${known.todo}`,
      cause: error,
    });
  }
  return new DomainError({
    category: 'internal',
    code: 'file-failed',
    detail: `Cannot ${action} ${path}: ${errno ?? 'unexpected error'}. Check the disk and its file system.`,
    cause: error,
  });
}
