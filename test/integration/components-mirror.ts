import { createHash } from 'node:crypto';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { create } from 'tar';
import { onTestFinished } from 'vitest';
import { currentPlatform } from '../../src/platform/components/platform.js';

export const PINNED = '0.31.1';

/** Programs that do nothing but tell a version: what is tested with them is how programs are found and fetched. */
export async function writePrograms(
  directory: string,
  version: string,
  names = ['alertmanager', 'amtool'],
): Promise<string> {
  await mkdir(directory, { recursive: true });
  for (const name of names) {
    const file = join(directory, name);
    await writeFile(file, `#!/bin/sh\necho "${name}, version ${version} (branch: , revision: unknown)"\n`);
    await chmod(file, 0o755);
  }
  return directory;
}

/** An archive laid out as upstream's releases are. */
export async function releaseArchive(directory: string, version: string, names?: string[]): Promise<Buffer> {
  const { os, arch } = currentPlatform();
  const folder = `alertmanager-${version}.${os}-${arch}`;
  await writePrograms(join(directory, folder), version, names);
  await writeFile(join(directory, folder, 'LICENSE'), 'of the programs');
  const file = join(directory, 'release.tar.gz');
  await create({ gzip: true, file, cwd: directory }, [folder]);
  return readFile(file);
}

export function sumsOf(archive: Buffer): string {
  const { os, arch } = currentPlatform();
  const sum = createHash('sha256').update(archive).digest('hex');
  return `${'0'.repeat(64)}  alertmanager-${PINNED}.plan9-mips.tar.gz\n${sum}  alertmanager-${PINNED}.${os}-${arch}.tar.gz\n`;
}

type Answer = Buffer | string | ((response: ServerResponse) => void);

export interface Mirror {
  url: string;
  /** Last part of each path that was asked for. */
  requests: string[];
  archive: Answer;
  sums: Answer;
}

/** A real HTTP server on loopback in the shape of the upstream's release pages. What it answers may be changed at any time. */
export async function startMirror(archive: Buffer): Promise<Mirror> {
  const mirror: Mirror = { url: '', requests: [], archive, sums: sumsOf(archive) };
  const prefix = `/github/prometheus/alertmanager/releases/download/v${PINNED}/`;
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    const name = path.slice(prefix.length);
    mirror.requests.push(name);
    const answer = name === 'sha256sums.txt' ? mirror.sums : mirror.archive;
    if (!path.startsWith(prefix)) response.writeHead(404).end();
    else if (typeof answer === 'function') answer(response);
    else response.writeHead(200, { 'content-length': Buffer.byteLength(answer) }).end(answer);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  mirror.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/github`;
  return mirror;
}
