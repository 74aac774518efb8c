import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm, stat, truncate } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { errnoOf } from '../../../platform/files/file-error.js';

export interface LogRotation {
  /** Bytes; a larger log file is rotated. */
  maxBytes: number;
  /** The log file itself and its copies `.1`, `.2`, … together. */
  files: number;
  /** Milliseconds between two looks. What is printed in between comes on top of `maxBytes`. */
  interval: number;
}

export const DEFAULT_LOG_ROTATION: LogRotation = { maxBytes: 10 * 1024 * 1024, files: 3, interval: 1000 };

/**
 * Copies the end of a log file that has grown too large to `.1` (shifting older copies) and truncates it. The
 * program keeps its append-only descriptor and need not know; lines it prints between copy and truncation are lost.
 * On a full disk the copy is given up and the file is truncated all the same, which is what helps.
 * @returns whether it was rotated; a missing file is fine
 */
export async function rotateLog(logFile: string, { maxBytes, files }: LogRotation): Promise<boolean> {
  const size = await sizeOf(logFile);
  if (size <= maxBytes) return false;
  if (files > 1) {
    const copy = `${logFile}.0`;
    try {
      const range = { start: Math.max(0, size - maxBytes), end: size - 1 };
      await pipeline(createReadStream(logFile, range), createWriteStream(copy, { mode: 0o600 }));
      for (let index = files - 2; index >= 0; index -= 1) {
        await renameIfThere(`${logFile}.${index}`, `${logFile}.${index + 1}`);
      }
    } catch (error) {
      await rm(copy, { force: true });
      if (errnoOf(error) !== 'ENOSPC' && errnoOf(error) !== 'EDQUOT') throw error;
    }
  }
  await truncate(logFile, 0);
  return true;
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return 0;
    throw error;
  }
}

async function renameIfThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}
