import { readFile, stat } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { Logger } from 'pino';
import { messageOf } from '../../platform/errors.js';

export interface TlsFilePaths {
  certificateFile: string;
  keyFile: string;
  caFile: string;
}

export interface TlsMaterial {
  cert: Buffer;
  key: Buffer;
  ca: Buffer;
}

const INTERVAL = 2_000;

/** Reads the files once. @throws when one cannot be read, or the key is not that of the certificate */
export async function readTlsFiles(paths: TlsFilePaths): Promise<TlsMaterial> {
  const [cert, key, ca] = await Promise.all([paths.certificateFile, paths.keyFile, paths.caFile].map(read));
  if (cert === undefined || key === undefined || ca === undefined) throw new Error('unreachable');
  createSecureContext({ cert, key, ca });
  return { cert, key, ca };
}

/**
 * Calls back with the new material after the files have changed. Files that do not belong together (yet) are left for
 * the next look, and the old ones stay in use. Polls, because mounted secrets are replaced in ways that watching one
 * file does not see. Returns the way to stop.
 */
export function watchTlsFiles(
  paths: TlsFilePaths,
  onChange: (material: TlsMaterial) => void,
  log: Logger,
): () => void {
  let known = '';
  let busy = false;
  const look = async (): Promise<void> => {
    const stamp = await stampOf(paths);
    if (stamp === known) return;
    onChange(await readTlsFiles(paths));
    // The first look takes what may have changed between the start and now.
    if (known !== '') log.info('The certificate was replaced; new connections use the new one.');
    known = stamp;
  };
  const tick = (): void => {
    if (busy) return;
    busy = true;
    look()
      .catch((error: unknown) =>
        log.warn({ reason: messageOf(error) }, 'The new certificate cannot be used yet.'),
      )
      .finally(() => (busy = false));
  };
  tick();
  const timer = setInterval(tick, INTERVAL);
  timer.unref();
  return () => clearInterval(timer);
}

function read(path: string): Promise<Buffer> {
  return readFile(path);
}

async function stampOf(paths: TlsFilePaths): Promise<string> {
  const stats = await Promise.all(
    [paths.certificateFile, paths.keyFile, paths.caFile].map((path) => stat(path)),
  );
  return stats.map(({ ino, size, mtimeMs }) => `${ino}:${size}:${mtimeMs}`).join(' ');
}
