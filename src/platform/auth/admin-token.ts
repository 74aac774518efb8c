import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { constants } from 'node:fs';
import { link, mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
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
 * Reads `<dataDir>/admin-token`, and makes it on the first start (0600, whole or not at all; of two starts at once one
 * wins and both use its token).
 * @throws Error when the file is readable by others, or does not hold a token
 */
export async function adminToken(dataDir: string): Promise<AdminToken> {
  const path = join(dataDir, 'admin-token');
  const existing = await read(path);
  if (existing !== undefined) return { token: existing, path, created: false };
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const token = `opni_${randomBytes(32).toString('base64url')}`;
  const draft = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(`${token}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await link(draft, path);
    await syncDirectory(dataDir);
    return { token, path, created: true };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const theirs = await read(path);
    if (theirs === undefined) throw error;
    return { token: theirs, path, created: false };
  } finally {
    await rm(draft, { force: true });
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function read(path: string): Promise<string | undefined> {
  let file;
  try {
    file = await open(path, constants.O_RDONLY);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const { mode } = await file.stat();
    if ((mode & 0o077) !== 0) {
      throw new Error(
        `${path} can be read by other users. Run chmod 600 on it, or remove it to get a new token.`,
      );
    }
    const token = (await file.readFile('utf8')).trim();
    if (!FORM.test(token)) {
      throw new Error(`${path} does not hold a token that this service made. Remove it to get a new one.`);
    }
    return token;
  } finally {
    await file.close();
  }
}
