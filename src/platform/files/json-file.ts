import { DomainError } from '../errors.js';
import { readTextFile, writeFileAtomic, type WriteOptions } from './atomic-file.js';

/**
 * The parsed content, not yet checked for its shape; `undefined` when there is no such file.
 * @throws DomainError `file-corrupt` when it is not JSON, others as `fileError` says
 */
export async function readJsonFile(path: string): Promise<unknown> {
  const text = await readTextFile(path);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // The parser's message quotes the content, which may hold a secret.
    throw corruptFile(path, text.length === 0 ? 'it is empty' : 'it is not JSON');
  }
}

/** Pretty-printed, atomic; see `writeFileAtomic`. */
export async function writeJsonFile(path: string, value: unknown, options: WriteOptions = {}): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(value, null, 2)}\n`, options);
}

/** `file-corrupt`: the file is there and nothing was changed, a human has to decide. */
export function corruptFile(path: string, reason: string, cause?: unknown): DomainError {
  return new DomainError({
    category: 'internal',
    code: 'file-corrupt',
    detail: `Cannot use ${path}: ${reason}. Nothing was changed. Restore it from a backup.`,
    cause,
  });
}
