import { chmod, mkdir, stat } from 'node:fs/promises';
import { fileError } from './file-error.js';

/**
 * Makes a directory, and what is missing above it, that only this user can enter (0700). An existing one that
 * others could enter is narrowed.
 * @throws DomainError naming the path
 */
export async function ensurePrivateDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    if (((await stat(path)).mode & 0o077) !== 0) await chmod(path, 0o700);
  } catch (error) {
    // mkdir answers EEXIST when a file stands in its place.
    const cause = isEexist(error) ? Object.assign(new Error('not a directory'), { code: 'ENOTDIR' }) : error;
    throw fileError(cause, 'use the directory', path);
  }
}

function isEexist(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EEXIST';
}
