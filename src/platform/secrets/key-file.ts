import { createHash, randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import { DomainError } from '../errors.js';
import { createFileOnce } from '../files/atomic-file.js';
import { errnoOf, fileError } from '../files/file-error.js';
import { KeyFileSealer, type SealingKey } from './key-file-sealer.js';

export interface KeyFileOptions {
  /** Absolute path; its directory must exist. */
  file: string;
  /**
   * Whether a missing file is made. `false` once anything was sealed (the data directory holds a store): a new key
   * could not open it, so the loss is reported instead.
   */
  mayCreate: boolean;
}

const KEY_BYTES = 32;
const KEY_LINE = /^[A-Za-z0-9_-]{43}$/;
const HEADER = `# opni key file: seals the secrets and CA keys that opni stores.
# Keep a copy apart from the backups: without it they cannot be restored, with it they can be read.
# One key a line (32 bytes, base64url). The first seals, all of them open.
`;

/**
 * The sealer of a key file, which is made on first use (0600, never overwritten, one winner among several processes).
 * @throws DomainError `key-file-missing`, `key-file-permissions`, `key-file-malformed`; nothing is changed then
 */
export async function openKeyFile({ file, mayCreate }: KeyFileOptions): Promise<KeyFileSealer> {
  let text = await readKeyFile(file);
  if (text === undefined && mayCreate) {
    await createFileOnce(file, `${HEADER}${randomBytes(KEY_BYTES).toString('base64url')}\n`);
    // Read back, because another process may have been first.
    text = await readKeyFile(file);
  }
  if (text === undefined) {
    throw new DomainError({
      category: 'internal',
      code: 'key-file-missing',
      detail:
        `The key file ${file} is missing, but the data directory holds secrets that were sealed with it. ` +
        'Put it back from its copy, or point secrets.keyFile (OPNI_SECRETS_KEY_FILE) to where it is. Nothing was changed.',
    });
  }
  return new KeyFileSealer(parseKeys(text, file), file);
}

/** Keys of the text in its order. @throws DomainError `key-file-malformed` naming the line, never its content */
export function parseKeys(text: string, file: string): [SealingKey, ...SealingKey[]] {
  const keys: SealingKey[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const entry = line.trim();
    if (entry === '' || entry.startsWith('#')) continue;
    const secret = KEY_LINE.test(entry) ? Buffer.from(entry, 'base64url') : undefined;
    if (secret?.toString('base64url') !== entry) {
      throw malformed(
        file,
        `line ${index + 1} is not a key of ${KEY_BYTES} bytes in base64url (43 characters)`,
      );
    }
    const id = createHash('sha256').update(secret).digest('hex').slice(0, 8);
    if (keys.some((key) => key.id === id)) throw malformed(file, `line ${index + 1} repeats a key`);
    keys.push({ id, secret });
  }
  const [first, ...others] = keys;
  if (first === undefined) throw malformed(file, 'it holds no key');
  return [first, ...others];
}

async function readKeyFile(file: string): Promise<string | undefined> {
  try {
    const handle = await open(file, 'r');
    try {
      const mode = (await handle.stat()).mode & 0o777;
      if ((mode & 0o077) !== 0) throw permissions(file, mode);
      return await handle.readFile('utf8');
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw fileError(error, 'read the key file', file);
  }
}

function permissions(file: string, mode: number): DomainError {
  return new DomainError({
    category: 'internal',
    code: 'key-file-permissions',
    detail:
      `The key file ${file} can be used by others than its owner (mode 0${mode.toString(8)}). ` +
      `Run: chmod 600 ${file} - and if others may have read it, treat its key as known to them.`,
  });
}

function malformed(file: string, reason: string): DomainError {
  return new DomainError({
    category: 'internal',
    code: 'key-file-malformed',
    detail: `The key file ${file} cannot be used: ${reason}. Put it back from its copy. Nothing was changed.`,
  });
}
