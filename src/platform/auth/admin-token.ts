import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { DomainError } from '../errors.js';
import { createFileOnce } from '../files/atomic-file.js';
import { errnoOf, fileError } from '../files/file-error.js';
import { ensurePrivateDirectory } from '../files/private-directory.js';
import type { Principal } from './principal.js';
import { TokenVerifier } from './token-verifier.js';

const FORM = /^opni_[A-Za-z0-9_-]{43}$/;
const ADMINISTRATOR: Principal = Object.freeze({ subject: 'administrator', groups: ['opni:admin'] });

function hash(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** Accepts exactly the administrator's token; keeps only its hash. */
export class AdminTokenVerifier extends TokenVerifier {
  private readonly expected: Buffer;

  constructor(token: string) {
    super();
    this.expected = hash(token);
  }

  override verify(token: string): Principal | undefined {
    return timingSafeEqual(hash(token), this.expected) ? ADMINISTRATOR : undefined;
  }
}

export interface AdminToken {
  token: string;
  path: string;
  /** It was made now, which is when the terminal should say where it lies. */
  created: boolean;
}

/**
 * Reads `<dataDir>/admin-token`, and makes it on the first start (0600, whole or not at all; of several starts at once one
 * wins and all use its token).
 * @throws DomainError when other users can read the file, when it does not hold a token, or as the file system says
 */
export async function adminToken(dataDir: string): Promise<AdminToken> {
  const path = join(dataDir, 'admin-token');
  const existing = await read(path);
  if (existing !== undefined) return { token: existing, path, created: false };
  await ensurePrivateDirectory(dataDir);
  const created = await createFileOnce(path, `opni_${randomBytes(32).toString('base64url')}\n`, {
    mode: 0o600,
  });
  const token = await read(path);
  if (token === undefined) throw unusable(path, 'was removed while it was made', 'Start again.');
  return { token, path, created };
}

async function read(path: string): Promise<string | undefined> {
  try {
    const file = await open(path, 'r');
    try {
      if (((await file.stat()).mode & 0o077) !== 0) {
        throw unusable(
          path,
          'can be read by other users',
          'Run chmod 600 on it, or remove it to get a new token.',
        );
      }
      const token = (await file.readFile('utf8')).trim();
      if (!FORM.test(token)) {
        throw unusable(path, 'does not hold a token that this service made', 'Remove it to get a new one.');
      }
      return token;
    } finally {
      await file.close();
    }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw fileError(error, 'read', path);
  }
}

function unusable(path: string, what: string, todo: string): DomainError {
  return new DomainError({
    category: 'internal',
    code: 'admin-token-unusable',
    detail: `${path} ${what}. ${todo}`,
  });
}
