import { existsSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type {
  ComponentProgress,
  ResolvedComponent,
} from '../../src/platform/components/component-catalogue.js';
import {
  FileComponentCatalogue,
  type FileComponentCatalogueOptions,
} from '../../src/platform/components/file-component-catalogue.js';
import { currentPlatform } from '../../src/platform/components/platform.js';
import { tempDir } from '../support/temp-dir.js';
import {
  type Mirror,
  PINNED,
  releaseArchive,
  startMirror,
  sumsOf,
  writePrograms,
} from './components-mirror.js';

/** Refuses connections at once: nothing listens on the discard port of loopback. */
const DEAD_MIRROR = 'http://127.0.0.1:9';

interface House {
  cacheDir: string;
  mirror: Mirror;
  messages: string[];
  steps: Set<ComponentProgress['step']>;
  /** A new catalogue, as a new process would have it; without a toolchain on `PATH` unless told otherwise. */
  resolve(options?: Partial<FileComponentCatalogueOptions>): Promise<ResolvedComponent>;
  /** What `resolve` failed with. */
  failure(options?: Partial<FileComponentCatalogueOptions>): Promise<{ code: string; message: string }>;
  /** Everything below the component's folder of the cache. */
  cached(): Promise<string[]>;
}

async function house(): Promise<House> {
  const cacheDir = join(await tempDir(), 'cache');
  const mirror = await startMirror(await releaseArchive(await tempDir(), PINNED));
  const messages: string[] = [];
  const steps = new Set<ComponentProgress['step']>();
  const resolve: House['resolve'] = (options) =>
    new FileComponentCatalogue({ cacheDir, mirror: mirror.url, env: { PATH: '' }, ...options }).resolve(
      'alertmanager',
      {
        onProgress: ({ step, message }) => {
          steps.add(step);
          messages.push(message);
        },
      },
    );
  return {
    cacheDir,
    mirror,
    messages,
    steps,
    resolve,
    failure: (options) =>
      resolve(options).then(
        ({ origin }) => expect.unreachable(`it was found: ${origin}`),
        (error: unknown) => error as { code: string; message: string },
      ),
    cached: async () => {
      const folder = join(cacheDir, 'alertmanager');
      return existsSync(folder) ? (await readdir(folder, { recursive: true })).sort() : [];
    },
  };
}

const platform = `${currentPlatform().os}-${currentPlatform().arch}`;
const INSTALLED = [
  PINNED,
  `${PINNED}/${platform}`,
  `${PINNED}/${platform}/alertmanager`,
  `${PINNED}/${platform}/amtool`,
  `${PINNED}/${platform}/manifest.json`,
];

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

describe('the upstream release', () => {
  it('is downloaded once, checked, and found in the cache from then on', async () => {
    const { resolve, mirror, cached, steps } = await house();
    const first = await resolve();
    expect(first).toMatchObject({ version: PINNED, origin: 'download' });
    expect(await cached()).toEqual(INSTALLED);
    expect(steps).toEqual(new Set(['download', 'verify']));
    expect(mirror.requests).toEqual(['sha256sums.txt', `alertmanager-${PINNED}.${platform}.tar.gz`]);
    expect(await resolve({ mirror: DEAD_MIRROR })).toEqual({ ...first, origin: 'cache' });
  });

  it('is downloaded once for callers that ask at the same time', async () => {
    const { cacheDir, mirror } = await house();
    const catalogues = [1, 2].map(
      () => new FileComponentCatalogue({ cacheDir, mirror: mirror.url, env: { PATH: '' } }),
    );
    const found = await Promise.all(
      [...catalogues, ...catalogues].map((catalogue) => catalogue.resolve('alertmanager')),
    );
    expect(found.map(({ origin }) => origin).sort()).toEqual(['cache', 'cache', 'download', 'download']);
    expect(mirror.requests).toHaveLength(2);
  });

  it('follows a redirect', async () => {
    const { resolve, mirror } = await house();
    const target = await startMirror(mirror.archive as Buffer);
    mirror.archive = (response) => {
      const location = `${target.url}/prometheus/alertmanager/releases/download/v${PINNED}/elsewhere?signature=x`;
      response.writeHead(302, { location }).end();
    };
    expect(await resolve()).toMatchObject({ origin: 'download' });
    expect(target.requests).toEqual(['elsewhere?signature=x']);
  });

  it.each<[string, (mirror: Mirror) => void | Promise<void>, RegExp]>([
    [
      'has a wrong checksum',
      (mirror) => {
        mirror.sums = sumsOf(Buffer.from('another archive'));
      },
      /was refused: its SHA-256 is [0-9a-f]{64}, but the release's sha256sums\.txt says [0-9a-f]{64}/,
    ],
    [
      'has no checksum',
      (mirror) => {
        mirror.sums = '<html>welcome</html>';
      },
      /sha256sums\.txt has no checksum of alertmanager-/,
    ],
    [
      'is cut off',
      (mirror) => {
        const archive = mirror.archive as Buffer;
        mirror.archive = (response) => {
          response.writeHead(200, { 'content-length': archive.length });
          response.write(archive.subarray(0, 100), () => response.destroy());
        };
      },
      /tar\.gz: (terminated|other side closed|aborted)/,
    ],
    [
      'is not there',
      (mirror) => {
        mirror.archive = (response) => response.writeHead(404).end('no');
      },
      /tar\.gz: it answered 404/,
    ],
    [
      'holds another version',
      async (mirror) => {
        const archive = await releaseArchive(await tempDir(), '0.31.0');
        Object.assign(mirror, { archive, sums: sumsOf(archive) });
      },
      /it gave version 0\.31\.0 instead of 0\.31\.1/,
    ],
    [
      'holds one program only',
      async (mirror) => {
        const archive = await releaseArchive(await tempDir(), PINNED, ['alertmanager']);
        Object.assign(mirror, { archive, sums: sumsOf(archive) });
      },
      /the archive has no amtool/,
    ],
    [
      'is no archive',
      (mirror) => {
        const archive = Buffer.from('certainly not gzip');
        Object.assign(mirror, { archive, sums: sumsOf(archive) });
      },
      /the archive cannot be unpacked/,
    ],
    [
      'never begins',
      (mirror) => {
        mirror.archive = () => undefined;
      },
      /tar\.gz: no answer within 1 s/,
    ],
    [
      'stands still half-way',
      (mirror) => {
        mirror.archive = (response) => void response.writeHead(200, { 'content-length': 1000 }).write('some');
      },
      /tar\.gz: the transfer stood still for 1 s/,
    ],
    [
      'drips for ever',
      (mirror) => {
        mirror.archive = (response) => {
          const drip = setInterval(() => response.write('.'), 100);
          response.once('close', () => clearInterval(drip));
        };
      },
      /tar\.gz: not done within 3 s/,
    ],
  ])('that %s is not installed', async (_what, change, expected) => {
    const { failure, mirror, cached } = await house();
    await change(mirror);
    const error = await failure({ deadlines: { answer: 1_000, idle: 1_000, total: 3_000 } });
    expect(error.message).toMatch(expected);
    expect(error.message).toContain('there is no Go toolchain on PATH');
    expect(await cached()).toEqual([]);
  });

  it('is given up soon when a connection cannot be finished', async () => {
    const { failure } = await house();
    // Accepts, and never says its part of the TLS handshake.
    const server = createServer((socket) => socket.on('error', () => socket.destroy()).resume());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const error = await failure({ mirror: `https://127.0.0.1:${port}`, deadlines: { connect: 700 } });
    expect(error.message).toMatch(/sha256sums\.txt: no connection within 0\.7 s/);
  });
});

describe('a damaged cache', () => {
  it.each<[string, (entry: string) => Promise<void>]>([
    [
      'with a changed program',
      async (entry) => {
        const file = join(entry, 'amtool');
        await writeFile(file, (await readFile(file, 'utf8')).replace('echo', 'exit'));
      },
    ],
    ['with a program that lacks its end', (entry) => writeFile(join(entry, 'alertmanager'), '#!/bin/sh\n')],
    ['with an empty manifest', (entry) => writeFile(join(entry, 'manifest.json'), '')],
  ])('%s is not run but replaced, saying so', async (_what, damage) => {
    const { resolve, cacheDir, messages, cached } = await house();
    const { binaries } = await resolve();
    await damage(join(cacheDir, 'alertmanager', PINNED, platform));
    expect(await resolve()).toMatchObject({ origin: 'download', binaries });
    expect(messages.join('\n')).toMatch(/from the cache: .* is damaged: /);
    expect(await resolve()).toMatchObject({ origin: 'cache' });
    expect(await cached()).toEqual(INSTALLED);
  });

  it('that vanished after it was resolved is filled again', async () => {
    const { cacheDir, mirror } = await house();
    const catalogue = new FileComponentCatalogue({ cacheDir, mirror: mirror.url, env: { PATH: '' } });
    await catalogue.resolve('alertmanager');
    await rm(cacheDir, { recursive: true });
    expect(await catalogue.resolve('alertmanager')).toMatchObject({ origin: 'download' });
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
