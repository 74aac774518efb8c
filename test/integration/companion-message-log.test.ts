import { readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { EmbeddedServer } from '../../src/alertmanager-companion/embedded-server/embedded-server.js';
import { webhookBody } from '../support/companion-webhook.js';
import { tempDir } from '../support/temp-dir.js';

const KIB = 1024;
const bounds = {
  ringBounds: { count: 50, bytes: 64 * KIB },
  logBounds: { segmentBytes: 16 * KIB, totalBytes: 160 * KIB },
};

async function open(directory: string): Promise<EmbeddedServer> {
  const server = new EmbeddedServer(directory, {
    log: pino({ level: 'silent' }),
    now: () => Date.now(),
    ...bounds,
  });
  await server.start();
  return server;
}

function send(server: EmbeddedServer, name: string, padding = ''): Promise<void> {
  return server.receive(JSON.parse(webhookBody([name], 'firing', padding)));
}

async function diskUsage(directory: string): Promise<number> {
  const sizes = (await readdir(directory)).map(async (name) => (await stat(join(directory, name))).size);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

it('keeps memory and disk bounded, and reads back what it held', async () => {
  const directory = await tempDir();
  const server = await open(directory);
  for (let index = 0; index < 500; index += 1) {
    // Some alerts again and again, between them new ones.
    await send(server, index % 3 === 0 ? `again${index % 5}` : `f${index}`, 'x'.repeat(index * 4));
    expect(await diskUsage(directory)).toBeLessThan(200 * KIB);
  }
  const before = server.page(0, 1000);
  expect(before.items.length).toBeGreaterThan(10);
  expect(Buffer.byteLength(JSON.stringify(before.items))).toBeLessThan(66 * KIB);
  expect(before.last).toBe(500);
  await server.close();
  const again = await open(directory);
  expect(again.page(0, 1000)).toEqual(before);
  await again.close();
});

it('writes concurrent deliveries together and keeps their order', async () => {
  const directory = await tempDir();
  const server = await open(directory);
  await Promise.all(Array.from({ length: 40 }, (_, index) => send(server, `f${index}`)));
  const names = server.page(0, 100).items.map((item) => item.fingerprint);
  expect(names).toEqual(Array.from({ length: 40 }, (_, index) => `f${index}`));
  await server.close();
});

it('joins the segments of many starts', async () => {
  const directory = await tempDir();
  for (let index = 0; index < 40; index += 1) {
    const server = await open(directory);
    await send(server, `f${index}`);
    await server.close();
  }
  expect((await readdir(directory)).length).toBeLessThan(36);
  const server = await open(directory);
  expect(server.page(0, 100).items).toHaveLength(40);
  await server.close();
});

it('gives the ring a new name once when lines in its middle are damaged', async () => {
  const directory = await tempDir();
  const server = await open(directory);
  for (const name of ['a', 'b', 'c']) await send(server, name);
  const { ring } = server.page(0, 1);
  await server.close();
  const path = join(directory, '00000001.jsonl');
  await writeFile(path, (await readFile(path, 'utf8')).replace('"sequence":2', '"sequence":?'));
  const mended = await open(directory);
  const page = mended.page(0, 100);
  expect(page.items.map((item) => item.fingerprint)).toEqual(['a', 'c']);
  expect(page.ring).not.toBe(ring);
  await mended.close();
  const again = await open(directory);
  expect(again.page(0, 100)).toEqual(page);
  await again.close();
});
