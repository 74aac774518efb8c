import { chmod, link, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../../../test/support/temp-dir.js';
import { DomainError } from '../errors.js';
import { createFileOnce, writeFileAtomic } from './atomic-file.js';
import { fileError } from './file-error.js';
import { readJsonFile, writeJsonFile } from './json-file.js';
import { ensurePrivateDirectory } from './private-directory.js';

const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

describe('writeFileAtomic', () => {
  it('replaces the whole file, with exact permissions and nothing left over', async () => {
    const directory = await tempDir();
    const file = join(directory, 'a.txt');
    await writeFileAtomic(file, 'a much longer first text');
    expect(await modeOf(file)).toBe(0o600);
    await writeFileAtomic(file, Buffer.from('second'), { mode: 0o666 });
    expect(await modeOf(file)).toBe(0o666);
    expect(await readFile(file, 'utf8')).toBe('second');
    expect(await readdir(directory)).toEqual(['a.txt']);
  });

  it('never writes into the old file, so readers keep what they opened', async () => {
    const directory = await tempDir();
    const file = join(directory, 'a.txt');
    await writeFile(file, 'old');
    await link(file, join(directory, 'reader'));
    await writeFileAtomic(file, 'new');
    expect(await readFile(join(directory, 'reader'), 'utf8')).toBe('old');
  });

  it('replaces a symbolic link and leaves what it pointed to', async () => {
    const directory = await tempDir();
    await writeFile(join(directory, 'target'), 'target');
    await symlink('target', join(directory, 'link'));
    await writeFileAtomic(join(directory, 'link'), 'new');
    expect(await readFile(join(directory, 'target'), 'utf8')).toBe('target');
  });

  it('names the path and leaves no temporary when it cannot', async () => {
    const directory = await tempDir();
    await mkdir(join(directory, 'occupied'));
    const occupied = writeFileAtomic(join(directory, 'occupied'), 'x');
    await expect(occupied).rejects.toMatchObject({ code: 'is-a-directory' });
    await expect(occupied).rejects.toThrow(join(directory, 'occupied'));
    await expect(writeFileAtomic(join(directory, 'missing', 'x'), 'x')).rejects.toMatchObject({
      code: 'file-missing',
    });
    expect(await readdir(directory)).toEqual(['occupied']);
  });
});

describe('createFileOnce', () => {
  it('has one winner, whose content stays', async () => {
    const directory = await tempDir();
    const file = join(directory, 'a.txt');
    const results = await Promise.all(
      Array.from({ length: 8 }, async (_, index) => ({
        index,
        won: await createFileOnce(file, String(index)),
      })),
    );
    const winners = results.filter(({ won }) => won);
    expect(winners).toHaveLength(1);
    expect(await readFile(file, 'utf8')).toBe(String(winners[0]?.index));
    expect(await createFileOnce(file, 'late')).toBe(false);
    expect(await readdir(directory)).toEqual(['a.txt']);
  });
});

describe('ensurePrivateDirectory', () => {
  it('makes what is missing and narrows what is open', async () => {
    const directory = join(await tempDir(), 'a', 'b');
    await ensurePrivateDirectory(directory);
    expect(await modeOf(directory)).toBe(0o700);
    await chmod(directory, 0o755);
    await ensurePrivateDirectory(directory);
    expect(await modeOf(directory)).toBe(0o700);
  });

  it('says when a file is in the way', async () => {
    const file = join(await tempDir(), 'file');
    await writeFile(file, '');
    for (const path of [file, join(file, 'below')]) {
      await expect(ensurePrivateDirectory(path)).rejects.toMatchObject({ code: 'not-a-directory' });
    }
  });
});

describe('JSON files', () => {
  it('come back as they were, and absent is undefined', async () => {
    const file = join(await tempDir(), 'a.json');
    expect(await readJsonFile(file)).toBeUndefined();
    await writeJsonFile(file, { a: [1, null, 'é'] });
    expect(await readJsonFile(file)).toEqual({ a: [1, null, 'é'] });
  });

  it.each(['', '{"password": "hunter2"'])(
    'that are damaged are reported without their content (%#)',
    async (text) => {
      const file = join(await tempDir(), 'a.json');
      await writeFile(file, text);
      const error: unknown = await readJsonFile(file).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'file-corrupt' });
      expect(String(error)).toContain(file);
      expect(String(error)).not.toContain('hunter2');
    },
  );
});

describe('fileError', () => {
  it.each([
    ['ENOSPC', 'insufficient-storage', 'disk-full'],
    ['EDQUOT', 'insufficient-storage', 'disk-full'],
    ['EROFS', 'unavailable', 'read-only-file-system'],
    ['EACCES', 'unavailable', 'file-not-permitted'],
    ['EIO', 'internal', 'file-failed'],
  ])('explains %s', (errno, category, code) => {
    const error = fileError(Object.assign(new Error('x'), { code: errno }), 'write', '/data/x');
    expect(error).toMatchObject({ category, code });
    expect(error.message).toMatch(new RegExp(`^Cannot write /data/x: .*${errno}.*\\. [A-Z].*\\.$`));
  });

  it('passes on what was explained already', () => {
    const explained = new DomainError({ category: 'internal', code: 'x', detail: 'x' });
    expect(fileError(explained, 'write', '/x')).toBe(explained);
  });
});
