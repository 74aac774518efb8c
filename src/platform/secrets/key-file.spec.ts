import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../../../test/support/temp-dir.js';
import { openKeyFile } from './key-file.js';

const newKey = (): string => randomBytes(32).toString('base64url');

async function keyFile(text: string, mode = 0o600): Promise<string> {
  const file = join(await tempDir(), 'secrets.key');
  await writeFile(file, text);
  await chmod(file, mode);
  return file;
}

describe('key file', () => {
  it('is made on first use, private, and never changed again', async () => {
    const directory = await tempDir();
    const file = join(directory, 'secrets.key');
    const sealed = (await openKeyFile({ file, mayCreate: true })).seal('text', 'a/1');
    const text = await readFile(file, 'utf8');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await openKeyFile({ file, mayCreate: true })).open(sealed, 'a/1')).toBe('text');
    expect((await openKeyFile({ file, mayCreate: false })).open(sealed, 'a/1')).toBe('text');
    expect(await readFile(file, 'utf8')).toBe(text);
    expect(await readdir(directory)).toEqual(['secrets.key']);
  });

  it('is one for all that ask at once', async () => {
    const file = join(await tempDir(), 'secrets.key');
    const sealers = await Promise.all(
      Array.from({ length: 8 }, () => openKeyFile({ file, mayCreate: true })),
    );
    expect(new Set(sealers.map(({ keyId }) => keyId)).size).toBe(1);
  });

  it('is missed, not replaced, where something was sealed before', async () => {
    const directory = await tempDir();
    const file = join(directory, 'secrets.key');
    const opening = openKeyFile({ file, mayCreate: false });
    await expect(opening).rejects.toMatchObject({ code: 'key-file-missing' });
    await expect(opening).rejects.toThrow(file);
    expect(await readdir(directory)).toEqual([]);
  });

  it.each([0o640, 0o604, 0o620, 0o666])('is refused with mode %o', async (mode) => {
    const file = await keyFile(newKey(), mode);
    const opening = openKeyFile({ file, mayCreate: true });
    await expect(opening).rejects.toMatchObject({ code: 'key-file-permissions' });
    await expect(opening).rejects.toThrow(`chmod 600 ${file}`);
  });

  it.each([
    ['empty', ''],
    ['only comments', '# nothing\n\n'],
    ['too short', randomBytes(31).toString('base64url')],
    ['too long', randomBytes(33).toString('base64url')],
    ['hex', randomBytes(32).toString('hex')],
    ['unused bits set', `${'A'.repeat(42)}B`],
    ['a damaged second key', `${newKey()}\nhello`],
    ['not text', '\0\u0001'],
  ])('is refused when it is %s, and its content is not told', async (_, text) => {
    const file = await keyFile(text);
    const error: unknown = await openKeyFile({ file, mayCreate: true }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'key-file-malformed' });
    const last = text.trim().split('\n').at(-1) ?? '';
    if (last.length > 4 && !last.startsWith('#')) expect(String(error)).not.toContain(last);
    expect(await readFile(file, 'utf8')).toBe(text);
  });

  it('refuses a key that stands twice, a directory, and a path through a file', async () => {
    const key = newKey();
    await expect(openKeyFile({ file: await keyFile(`${key}\n${key}\n`), mayCreate: true })).rejects.toThrow(
      /line 2/,
    );
    const directory = join(await tempDir(), 'secrets.key');
    await mkdir(directory, { mode: 0o700 });
    await expect(openKeyFile({ file: directory, mayCreate: true })).rejects.toMatchObject({
      code: 'is-a-directory',
    });
    const below = join(await keyFile(key), 'secrets.key');
    await expect(openKeyFile({ file: below, mayCreate: true })).rejects.toMatchObject({
      code: 'not-a-directory',
    });
  });

  it('seals with the first of several keys and opens with each', async () => {
    const [old, next] = [newKey(), newKey()];
    const before = await openKeyFile({ file: await keyFile(`${old}\n`), mayCreate: false });
    const both = await openKeyFile({ file: await keyFile(`# new\n${next}\n\n${old}\n`), mayCreate: false });
    const after = await openKeyFile({ file: await keyFile(next), mayCreate: false });
    const sealed = before.seal('text', 'a/1');
    expect(both.open(sealed, 'a/1')).toBe('text');
    expect(both.keyId).toBe(after.keyId);
    expect(after.open(both.seal('text', 'a/1'), 'a/1')).toBe('text');
    expect(() => after.open(sealed, 'a/1')).toThrow(before.keyId);
  });
});

describe('sealing', () => {
  it('opens for its context only, unchanged only, and is never the same twice', async () => {
    const sealer = await openKeyFile({ file: await keyFile(newKey()), mayCreate: false });
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), fc.nat(), (plain, context, at) => {
        const sealed = sealer.seal(plain, context);
        expect(sealed).toMatch(new RegExp(`^sealed:v1:${sealer.keyId}:[\\w-]+$`));
        expect(sealer.open(sealed, context)).toBe(plain);
        expect(sealer.seal(plain, context)).not.toBe(sealed);
        expect(() => sealer.open(sealed, `${context}x`)).toThrow(/does not open/);
        const place = 'sealed:v1:01234567:'.length + (at % (sealed.length - 19));
        const changed = sealed[place] === 'A' ? 'B' : 'A';
        expect(() =>
          sealer.open(sealed.slice(0, place) + changed + sealed.slice(place + 1), context),
        ).toThrow(/does not open/);
        expect(() => sealer.open(sealed.slice(0, place), context)).toThrow(/does not open|not a sealed text/);
      }),
    );
  });

  it('does not open when only bits changed that decoding ignores', async () => {
    const sealer = await openKeyFile({ file: await keyFile(newKey()), mayCreate: false });
    // 28 bytes: the last character carries 2 bits, its other 4 are zero.
    const sealed = sealer.seal('', 'a/1');
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const changed = sealed.slice(0, -1) + alphabet[alphabet.indexOf(sealed.slice(-1)) + 1];
    expect(sealer.open(sealed, 'a/1')).toBe('');
    expect(() => sealer.open(changed, 'a/1')).toThrow(/does not open/);
  });

  it('refuses what was never sealed', async () => {
    const sealer = await openKeyFile({ file: await keyFile(newKey()), mayCreate: false });
    for (const text of ['', '***', 'plain', 'sealed:v1:', `sealed:v2:${sealer.keyId}:AAAA`]) {
      expect(() => sealer.open(text, 'a/1')).toThrow(
        expect.objectContaining({ code: 'secret-unreadable', category: 'internal' }),
      );
    }
  });
});
