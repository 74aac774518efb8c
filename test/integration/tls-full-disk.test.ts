import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished, type TestContext } from 'vitest';
import { writeFileAtomic } from '../../src/platform/files/atomic-file.js';
import { openKeyFile } from '../../src/platform/secrets/key-file.js';
import { KeyFileSealer } from '../../src/platform/secrets/key-file-sealer.js';
import { LocalCertificateAuthority } from '../../src/platform/tls/local-certificate-authority.js';
import { tempDir } from '../support/temp-dir.js';

/** A real file system of 64 kB; skips where this user may not mount one. */
async function smallFileSystem(context: TestContext): Promise<string> {
  const directory = await tempDir();
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', directory]);
  if (mounted.status !== 0) context.skip('mounting a small file system takes root');
  onTestFinished(() => {
    spawnSync('umount', [directory]);
  });
  return directory;
}

async function fill(directory: string): Promise<void> {
  const handle = await open(join(directory, 'filler'), 'w');
  try {
    await handle.writeFile(randomBytes(128 * 1024));
  } catch (error) {
    expect(error).toMatchObject({ code: 'ENOSPC' });
  } finally {
    await handle.close();
  }
}

const sealer = new KeyFileSealer([{ id: '0123abcd', secret: randomBytes(32) }], 'the test key');

describe('a full disk', () => {
  let directory: string;
  beforeEach(async (context) => {
    directory = await smallFileSystem(context);
    await writeFileAtomic(join(directory, 'kept'), 'old');
    await fill(directory);
  });

  it('leaves the old file, no temporary, and says what to do', async () => {
    const writing = writeFileAtomic(join(directory, 'kept'), 'new');
    await expect(writing).rejects.toMatchObject({ category: 'insufficient-storage', code: 'disk-full' });
    await expect(writing).rejects.toThrow(join(directory, 'kept'));
    expect(await readFile(join(directory, 'kept'), 'utf8')).toBe('old');
    expect((await readdir(directory)).toSorted()).toEqual(['filler', 'kept']);
  });

  it('makes neither a part of a key file nor a part of the CAs', async () => {
    const file = join(directory, 'secrets.key');
    await expect(openKeyFile({ file, mayCreate: true })).rejects.toMatchObject({ code: 'disk-full' });
    const certificates = new LocalCertificateAuthority({ directory: join(directory, 'tls'), sealer });
    await expect(certificates.trustBundle('agents')).rejects.toMatchObject({ code: 'disk-full' });
    expect((await readdir(directory)).toSorted()).toEqual(['filler', 'kept']);
  });
});

it('a read-only file system is named', async (context) => {
  const directory = await smallFileSystem(context);
  expect(spawnSync('mount', ['-o', 'remount,ro', directory]).status).toBe(0);
  const file = join(directory, 'secrets.key');
  await expect(openKeyFile({ file, mayCreate: true })).rejects.toMatchObject({
    code: 'read-only-file-system',
  });
  const certificates = new LocalCertificateAuthority({ directory: join(directory, 'tls'), sealer });
  await expect(certificates.trustBundle('agents')).rejects.toMatchObject({ code: 'read-only-file-system' });
});
