import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FileComponentCatalogue } from '../../src/platform/components/file-component-catalogue.js';
import { tempDir } from '../support/temp-dir.js';
import { DEAD_MIRROR, house, INSTALLED } from './components-house.js';
import { PINNED, writePrograms } from './components-mirror.js';

describe('an explicit path', () => {
  it('may be the directory or the program itself, and beats everything else', async () => {
    const { resolve, mirror } = await house();
    const bin = await writePrograms(await tempDir(), '0.30.2');
    const other = await writePrograms(await tempDir(), '0.31.0');
    const expected = {
      name: 'alertmanager',
      version: '0.30.2',
      origin: 'configured',
      binaries: { alertmanager: join(bin, 'alertmanager'), amtool: join(bin, 'amtool') },
    };
    for (const path of [bin, join(bin, 'alertmanager')]) {
      expect(await resolve({ paths: { alertmanager: path }, env: { PATH: other } })).toEqual(expected);
    }
    expect(mirror.requests).toEqual([]);
  });

  it.each([
    ['does not exist', async () => join(await tempDir(), 'none'), /none does not exist/],
    [
      'lacks amtool',
      async () => writePrograms(await tempDir(), PINNED, ['alertmanager']),
      /no executable amtool in/,
    ],
    [
      'is too old',
      async () => writePrograms(await tempDir(), '0.25.0'),
      /is version 0\.25\.0, supported is >=0\.30\.0/,
    ],
    ['is too new', async () => writePrograms(await tempDir(), '0.32.0'), /is version 0\.32\.0, supported is/],
    [
      'mixes versions',
      async () => writePrograms(await writePrograms(await tempDir(), PINNED), '0.30.0', ['amtool']),
      /alertmanager is 0\.31\.1, but .*amtool is 0\.30\.0/,
    ],
    ['is something else', async () => writePrograms(await tempDir(), 'x" >&2; exit 3; "'), /exit code 3/],
  ])('that %s is an error, and nothing else is tried', async (_what, path, expected) => {
    const { failure, mirror } = await house();
    const usable = await writePrograms(await tempDir(), PINNED);
    const error = await failure({ paths: { alertmanager: await path() }, env: { PATH: usable } });
    expect(error.code).toBe('component-unavailable');
    expect(error.message).toMatch(expected);
    expect(error.message).toContain('Nothing else was tried, because components.alertmanager.path');
    expect(mirror.requests).toEqual([]);
  });
});

describe('PATH', () => {
  it('is searched past versions that are too old, saying so', async () => {
    const { resolve, mirror, messages } = await house();
    const old = await writePrograms(await tempDir(), '0.25.0');
    const good = await writePrograms(await tempDir(), '0.31.0');
    expect(await resolve({ env: { PATH: `relative:${old}:${good}` } })).toMatchObject({
      version: '0.31.0',
      origin: 'path',
      binaries: { alertmanager: join(good, 'alertmanager'), amtool: join(good, 'amtool') },
    });
    expect(messages.join('\n')).toContain(`${old}/alertmanager is version 0.25.0`);
    expect(mirror.requests).toEqual([]);
  });

  it('is not enough with one of the two programs', async () => {
    const { resolve, messages } = await house();
    const half = await writePrograms(await tempDir(), PINNED, ['alertmanager']);
    expect(await resolve({ env: { PATH: half } })).toMatchObject({ origin: 'download' });
    expect(messages.join('\n')).toContain('alertmanager is there, but amtool is not');
  });
});

describe('with no way to get a component', () => {
  it('the one error lists what was tried and every way out', async () => {
    const { failure } = await house();
    const error = await failure({ mirror: DEAD_MIRROR });
    expect(error).toMatchObject({ category: 'unavailable', code: 'component-unavailable' });
    for (const part of [
      '- PATH: it has no alertmanager',
      '- the upstream release: http://127.0.0.1:9/prometheus/alertmanager/releases/download/v0.31.1/sha256sums.txt: ',
      '- a build with Go: there is no Go toolchain on PATH',
      'put them on PATH',
      'components.alertmanager.path (OPNI_COMPONENTS_ALERTMANAGER_PATH)',
      'components.mirror (OPNI_COMPONENTS_MIRROR)',
      'install Go',
    ]) {
      expect(error.message).toContain(part);
    }
  });

  it('a cache directory that cannot be made is named, with the setting that moves it', async () => {
    const { failure } = await house();
    const file = join(await tempDir(), 'file');
    await writeFile(file, '');
    const error = await failure({ cacheDir: join(file, 'cache') });
    expect(error.message).toMatch(/the cache: .*ENOTDIR.*componentsDir \(OPNI_COMPONENTS_DIR\)/);
  });

  it('an unknown name is not found', async () => {
    const { cacheDir } = await house();
    const catalogue = new FileComponentCatalogue({ cacheDir });
    expect(catalogue.names()).toContain('alertmanager');
    await expect(catalogue.resolve('nothing')).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('giving up', () => {
  it('ends the download when the last of those who wait has gone, and not before', async () => {
    const { cacheDir, mirror, cached } = await house();
    const archive = mirror.archive as Buffer;
    let finish: (() => void) | undefined;
    mirror.archive = (response) => {
      response.writeHead(200, { 'content-length': archive.length }).write(archive.subarray(0, 50));
      finish = () => response.end(archive.subarray(50));
    };
    const catalogue = new FileComponentCatalogue({ cacheDir, mirror: mirror.url, env: { PATH: '' } });
    const impatient = new AbortController();
    const patient = catalogue.resolve('alertmanager');
    const other = catalogue.resolve('alertmanager', {
      signal: impatient.signal,
      onProgress: ({ fraction }) => {
        if (fraction !== undefined) impatient.abort(new Error('enough'));
      },
    });
    await expect(other).rejects.toThrow('enough');
    finish?.();
    expect(await patient).toMatchObject({ origin: 'download' });
    expect(catalogue.resolved()).toEqual([await patient]);
    expect(await cached()).toEqual(INSTALLED);
  });
});
