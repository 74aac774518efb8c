import { readFile, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FileComponentCatalogue } from '../../src/platform/components/file-component-catalogue.js';
import { tempDir } from '../support/temp-dir.js';
import { DEAD_MIRROR, house, INSTALLED, platform } from './components-house.js';
import { type Mirror, PINNED, releaseArchive, startMirror, sumsOf } from './components-mirror.js';

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

  it('is fetched through the proxy that the environment names, except where that says not to', async () => {
    const { resolve, mirror, cacheDir } = await house();
    const asked: string[] = [];
    const proxy = createHttpServer().on('connect', (request, socket: Socket) => {
      asked.push(request.url ?? '');
      const target = connect(Number(new URL(mirror.url).port), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        target.pipe(socket).pipe(target);
      });
      for (const end of [target, socket])
        end.on('error', () => void [target, socket].map((each) => each.destroy()));
    });
    await new Promise<void>((listening) => proxy.listen(0, '127.0.0.1', listening));
    onTestFinished(() => void proxy.close());
    const { port } = proxy.address() as AddressInfo;
    const env = { PATH: '', HTTP_PROXY: `http://127.0.0.1:${port}` };

    expect(await resolve({ mirror: 'http://mirror.invalid/github', env })).toMatchObject({
      origin: 'download',
    });
    expect(new Set(asked)).toEqual(new Set(['mirror.invalid:80']));

    asked.length = 0;
    await rm(cacheDir, { recursive: true });
    expect(await resolve({ env: { ...env, NO_PROXY: '127.0.0.1' } })).toMatchObject({ origin: 'download' });
    expect(asked).toEqual([]);
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
