import { randomBytes } from 'node:crypto';
import { link, open, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errnoOf, fileError } from './file-error.js';

export interface WriteOptions {
  /** Exact permissions, whatever the umask is. Default `0o600`. */
  mode?: number;
}

/**
 * Replaces a file so that readers, and whoever looks after a crash, see the old or the new content and never a part.
 * Durable when it resolves. The directory must exist; a symbolic link at `path` is replaced, not followed.
 * @throws DomainError naming the path (`disk-full`, `read-only-file-system`, `file-not-permitted`, …)
 */
export async function writeFileAtomic(
  path: string,
  data: string | Uint8Array,
  options: WriteOptions = {},
): Promise<void> {
  await throughTemporary(path, data, options, (temporary) => rename(temporary, path));
}

/**
 * `writeFileAtomic`, but a file that holds the text already is left alone: loops that repair drift write nothing when there
 * is none.
 * @returns whether it was written
 */
export async function writeFileWhenChanged(
  path: string,
  text: string,
  options: WriteOptions = {},
): Promise<boolean> {
  if ((await readTextFile(path)) === text) return false;
  await writeFileAtomic(path, text, options);
  return true;
}

/** The text of a file, `undefined` when there is none. */
export async function readTextFile(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw fileError(error, 'read', path);
  }
}

/**
 * Creates a file with all its content, or leaves the one that is there: of any number of processes exactly one wins.
 * @returns whether this call created it
 * @throws DomainError as `writeFileAtomic` does
 */
export async function createFileOnce(
  path: string,
  data: string | Uint8Array,
  options: WriteOptions = {},
): Promise<boolean> {
  let created = true;
  await throughTemporary(path, data, options, async (temporary) => {
    try {
      await link(temporary, path);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
      created = false;
    }
    await rm(temporary);
  });
  return created;
}

/** A name beside `path` that no one else uses; hidden, and recognisable when a crash leaves it behind. */
export function temporaryName(path: string): string {
  return join(dirname(path), `.${basename(path)}.${process.pid}.${randomBytes(6).toString('hex')}.tmp`);
}

/** Makes the names in a directory durable. File systems that cannot sync directories do so on their own. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== 'EINVAL' && errno !== 'ENOTSUP') throw error;
  } finally {
    await handle.close();
  }
}

async function throughTemporary(
  path: string,
  data: string | Uint8Array,
  { mode = 0o600 }: WriteOptions,
  publish: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = temporaryName(path);
  try {
    const handle = await open(temporary, 'wx', mode);
    try {
      await handle.chmod(mode);
      await handle.writeFile(data);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await publish(temporary);
    await syncDirectory(dirname(path));
  } catch (error) {
    // The first error is the one worth telling; force leaves a temporary that was never made alone.
    await rm(temporary, { force: true }).catch(() => undefined);
    throw fileError(error, 'write', path);
  }
}
