import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { DomainError } from '../../platform/errors.js';
import { fileError } from '../../platform/files/file-error.js';
import { damaged, parseManifest, type BackupEntry, type BackupManifest } from './backup-manifest.js';

/*
 * A backup is one file: a line that says what it is, a line of JSON (the manifest), a line with that line's SHA-256, then
 * the contents of the files one after the other. Every bit of it is covered by that line or by a checksum in the manifest.
 */
const FORMAT = 1;
const TITLE = /^opni-backup (\d{1,9})$/;
const MAX_HEADER = 4 * 1024 * 1024;
const CHUNK = 1024 * 1024;

/** Where the content of an entry comes from. */
export interface BackupSource {
  path: string;
  /** A file on the disk, or the content itself. */
  content: { file: string } | Buffer;
}

/** The size and checksum of a source. */
export async function describeSource({ path, content }: BackupSource): Promise<BackupEntry> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of chunksOf(content)) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { path, size, sha256: hash.digest('hex') };
}

/** Writes a new file, durably. The contents are those that `manifest.files` describes, in its order. */
export async function writeBackupFile(
  target: string,
  manifest: BackupManifest,
  sources: BackupSource[],
): Promise<void> {
  const handle = await open(target, 'wx', 0o600);
  try {
    const text = JSON.stringify(manifest);
    await handle.writeFile(`opni-backup ${FORMAT}\n${text}\n${sha256(text)}\n`);
    for (const { content } of sources) {
      for await (const chunk of chunksOf(content)) await handle.writeFile(chunk);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Reads a backup to its end and checks every bit of it. `onChunk` gets the contents as they come, before they are known
 * to be right: what it does with them counts only once this resolves.
 *
 * @throws DomainError `backup-damaged`, `backup-unknown` (no backup at all), `backup-newer`; those of `fileError`
 */
export async function readBackupFile(
  file: string,
  onChunk: (entry: BackupEntry, chunk: Buffer) => Promise<void> = () => Promise.resolve(),
): Promise<BackupManifest> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file, 'r');
    const { manifest, length } = await readHeader(handle, file);
    let position = length;
    for (const entry of manifest.files) {
      const hash = createHash('sha256');
      const end = position + entry.size;
      if (entry.size === 0) await onChunk(entry, Buffer.alloc(0));
      while (position < end) {
        const chunk = await readAt(handle, position, Math.min(CHUNK, end - position));
        if (chunk.length === 0) throw damaged(file, `it ends in the middle of ${entry.path}`);
        hash.update(chunk);
        await onChunk(entry, chunk);
        position += chunk.length;
      }
      if (hash.digest('hex') !== entry.sha256) {
        throw damaged(
          file,
          `the content of ${entry.path} does not have the checksum that it was written with`,
        );
      }
    }
    if ((await readAt(handle, position, 1)).length > 0)
      throw damaged(file, 'something follows after its end');
    return manifest;
  } catch (error) {
    throw fileError(error, 'read the backup', file);
  } finally {
    await handle?.close();
  }
}

async function readHeader(
  handle: FileHandle,
  file: string,
): Promise<{ manifest: BackupManifest; length: number }> {
  const start = await readAt(handle, 0, MAX_HEADER);
  const titleEnd = start.indexOf('\n');
  const version = TITLE.exec(start.toString('latin1', 0, Math.max(0, titleEnd)))?.[1];
  if (version === undefined) {
    throw new DomainError({
      category: 'malformed',
      code: 'backup-unknown',
      detail: `${file} is not a backup of opni, or its first line is damaged. Nothing was changed.`,
    });
  }
  if (Number(version) !== FORMAT) {
    throw new DomainError({
      category: 'unavailable',
      code: 'backup-newer',
      detail: `The backup ${file} has format ${version}, and this release reads format ${FORMAT}. Nothing was changed. Use the release that wrote it, or a newer one.`,
    });
  }
  const textEnd = start.indexOf('\n', titleEnd + 1);
  const length = textEnd + 66;
  if (textEnd < 0 || start.length < length) throw damaged(file, 'its table of contents is cut off');
  const text = start.toString('utf8', titleEnd + 1, textEnd);
  if (start.toString('latin1', textEnd + 1, length) !== `${sha256(text)}\n`) {
    throw damaged(file, 'its table of contents does not have the checksum that it was written with');
  }
  return { manifest: parseManifest(text, file), length };
}

async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(buffer, filled, length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

async function* chunksOf(content: BackupSource['content']): AsyncGenerator<Buffer> {
  if (Buffer.isBuffer(content)) {
    yield content;
    return;
  }
  const handle = await open(content.file, 'r');
  try {
    let position = 0;
    for (;;) {
      const chunk = await readAt(handle, position, CHUNK);
      if (chunk.length === 0) return;
      yield chunk;
      position += chunk.length;
    }
  } finally {
    await handle.close();
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
