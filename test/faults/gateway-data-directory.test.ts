import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  cpSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished, type TestContext } from 'vitest';
import { ALERTMANAGER_TIMEOUT_MS, alertmanagerBinaries } from '../support/alertmanager.js';
import { eventually } from '../support/eventually.js';
import { tempDir } from '../support/temp-dir.js';
import {
  ALERTING,
  children,
  dataDirectory,
  deliverEndpoint,
  member,
  push,
  runningGateway,
  spawnGateway,
  startGateway,
  untilAccepted,
  untilRunning,
  webhook,
  type Answer,
  type ListeningGateway,
} from './gateway/harness.js';

beforeAll(async () => void (await alertmanagerBinaries()), ALERTMANAGER_TIMEOUT_MS);

const EMPTY = { OPNI_BOOTSTRAP_INSTALL: '' };

/** A real file system of this size; the test is skipped where this user may not mount one. */
async function smallDisk(context: TestContext, size: string): Promise<string> {
  const directory = await tempDir();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=700`, 'tmpfs', directory], {
      stdio: 'pipe',
    });
  } catch {
    context.skip('mounting a small file system needs root');
  }
  // Lazily: a program may still be ending in it.
  onTestFinished(() => void execFileSync('umount', ['-l', directory]));
  return directory;
}

/** Writes until nothing more fits. */
function fill(directory: string): void {
  const file = openSync(join(directory, 'junk'), 'a');
  try {
    for (const size of [65_536, 4096, 1]) {
      try {
        for (;;) writeSync(file, Buffer.alloc(size));
      } catch {
        // Full, as intended.
      }
    }
  } finally {
    closeSync(file);
  }
}

/** Hashes of all files but the lock, which holds nothing. */
function contents(directory: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile() || entry.name.startsWith('gateway.lock')) continue;
    found[relative(directory, path)] = createHash('sha256').update(readFileSync(path)).digest('hex');
  }
  return found;
}

/** It ends soon, with these words and no stack, and nothing runs. @returns what it said */
async function expectRefusal(dataDir: string, words: (string | RegExp)[], env = {}): Promise<string> {
  const started = performance.now();
  const gateway = await spawnGateway(dataDir, env);
  const timer = setTimeout(() => gateway.child.kill('SIGKILL'), 20_000);
  const ended = await gateway.exited;
  clearTimeout(timer);
  const text = gateway.output();
  expect(ended, text).toEqual({ code: 1, signal: null });
  expect(performance.now() - started).toBeLessThan(15_000);
  for (const word of words) expect(text).toMatch(word);
  expect(text).not.toMatch(/\n {4}at /);
  return text;
}

function createOne(gateway: ListeningGateway, index: number): Promise<Answer> {
  const description = 'x'.repeat(4000);
  return gateway.call('POST', `${ALERTING}/endpoints`, {
    ...webhook(`filler ${index}`, 'http://127.0.0.1:9/'),
    description,
  });
}

describe('a full disk', () => {
  it('refuses writes with 507, answers reads, and is over when there is space', async (context) => {
    const disk = await smallDisk(context, '4m');
    const dataDir = join(disk, 'data');
    mkdirSync(dataDir, { mode: 0o700 });
    const gateway = await startGateway(await dataDirectory(dataDir));
    await untilRunning(gateway);
    await deliverEndpoint(gateway, 'kept', 'http://127.0.0.1:9/');
    const sink = await push(gateway, 'before');
    fill(disk);
    const acknowledged: string[] = [];
    let refused: Answer | undefined;
    // What the write-ahead log has room for still fits.
    for (let index = 0; index < 500 && refused === undefined; index += 1) {
      const answer = await createOne(gateway, index);
      if (answer.status === 201) acknowledged.push(answer.body['id'] as string);
      else refused = answer;
    }
    expect(refused).toMatchObject({ status: 507, body: { code: 'storage-full' } });
    expect(refused?.body['detail']).toMatch(/full.*Free some space/);
    expect(refused?.body['detail']).toContain(dataDir);
    const put = await gateway.call(
      'PUT',
      `${ALERTING}/endpoints/kept`,
      webhook('kept'.repeat(60), 'http://127.0.0.1:9/'),
    );
    expect(put.status).toBe(507);
    const notification = { title: 't', body: 'b'.repeat(3000), severity: 'info' };
    expect((await gateway.call('POST', `${ALERTING}/notifications`, notification)).status).toBe(507);

    expect(await gateway.get(`${ALERTING}/endpoints/kept`)).toMatchObject({ name: 'kept', revision: 1 });
    expect(await gateway.get(`${ALERTING}/notifications/${sink}`)).toMatchObject({ title: 'before' });
    expect((await gateway.get(`${ALERTING}/endpoints?limit=500`)).items).toHaveLength(
      acknowledged.length + 1,
    );
    for (const path of ['status', 'members', 'routing/config']) await gateway.get(`${ALERTING}/${path}`);
    expect(gateway.child.exitCode).toBeNull();

    rmSync(join(disk, 'junk'));
    await eventually('writes are taken again', async () => (await createOne(gateway, 1000)).status === 201);
    await deliverEndpoint(gateway, 'later', 'http://127.0.0.1:9/');
    await untilRunning(gateway);
    await untilAccepted(gateway, 'kept');
    for (const id of acknowledged) await gateway.get(`${ALERTING}/endpoints/${id}`);
    expect(await member(gateway)).toMatchObject({ inSync: true, lastError: null });
  });

  it('before the first start is named', async (context) => {
    const disk = await smallDisk(context, '256k');
    fill(disk);
    await expectRefusal(join(disk, 'data'), [disk, /full/, /[Ff]ree some space/]);
  });
});

describe('a data directory that cannot be used', () => {
  it('because it is read-only: the start says so and changes nothing', async (context) => {
    const disk = await smallDisk(context, '4m');
    const dataDir = join(disk, 'data');
    mkdirSync(dataDir, { mode: 0o700 });
    const first = await startGateway(await dataDirectory(dataDir), EMPTY);
    first.child.kill('SIGTERM');
    await first.exited;
    execFileSync('mount', ['-o', 'remount,ro', disk]);
    const before = contents(dataDir);
    await expectRefusal(dataDir, [dataDir, /read-only/, /Mount it writable/]);
    expect(contents(dataDir)).toEqual(before);
  });

  it('because it is a file', async () => {
    const file = join(await tempDir(), 'data');
    writeFileSync(file, 'mine');
    await expectRefusal(file, [file, /not a directory/]);
    expect(readFileSync(file, 'utf8')).toBe('mine');
  });

  it('because another gateway uses it: that one is not disturbed', async () => {
    const gateway = await runningGateway();
    await deliverEndpoint(gateway, 'kept', 'http://127.0.0.1:9/');
    const before = children(gateway.dataDir);
    await expectRefusal(gateway.dataDir, [gateway.dataDir, /in use by another gateway/, /Stop that one/]);
    expect(children(gateway.dataDir)).toEqual(before);
    await deliverEndpoint(gateway, 'more', 'http://127.0.0.1:9/');
    await untilRunning(gateway);
    // kill -9 of the first lets the second in.
    await gateway.kill9();
    await untilRunning(await startGateway(gateway.dataDir));
  });

  const db = 'opni.db';
  const key = 'secrets.key';
  const damages: [string, string, (path: string) => void, RegExp][] = [
    [
      'a store that is no SQLite file',
      db,
      (path) => writeFileSync(path, 'x'.repeat(8192)),
      /SQLite|damaged|corrupt/,
    ],
    [
      'a store that was cut short',
      db,
      (path) => truncateSync(path, 4096),
      /truncated|shorter|cut|damaged|incomplete/,
    ],
    ['an empty store', db, (path) => truncateSync(path, 0), /empty/],
    ['a lost store', db, (path) => rmSync(path), /missing|lost|not there|gone/],
    ['a store with a damaged page', db, damagePages, /damaged|corrupt/],
    ['a lost key file', key, (path) => rmSync(path), /missing/],
    ['a key file that others may read', key, (path) => chmodSync(path, 0o644), /chmod 600/],
    ['a key file of rubbish', key, (path) => writeFileSync(path, 'rubbish\n'), /line 1/],
    [
      'a key file that cannot be read',
      key,
      (path) => {
        rmSync(path);
        mkdirSync(path, { mode: 0o700 });
      },
      /directory|EISDIR/,
    ],
  ];

  it('because of a damaged file: each is named, with what to do, and nothing is changed', async () => {
    const good = await runningGateway();
    await deliverEndpoint(good, 'kept', 'http://127.0.0.1:9/');
    // Enough pages for one to be damaged.
    for (let index = 0; index < 20; index += 1) await createOne(good, index);
    good.child.kill('SIGTERM');
    expect(await good.exited).toEqual({ code: 0, signal: null });
    const failures: string[] = [];
    for (const [name, file, damage, words] of damages) {
      const dataDir = join(await tempDir(), 'data');
      cpSync(good.dataDir, dataDir, { recursive: true });
      await dataDirectory(dataDir);
      damage(join(dataDir, file));
      const before = contents(dataDir);
      try {
        await expectRefusal(dataDir, [join(dataDir, file), words]);
        expect(contents(dataDir)).toEqual(before);
        expect(children(dataDir)).toEqual([]);
      } catch (error) {
        failures.push(`${name}: ${(error as Error).message.slice(0, 1500)}`);
      }
    }
    expect(failures).toEqual([]);
    await untilRunning(await startGateway(good.dataDir));
  });
});

it('a damaged CA file: the gateway answers, and status names the file', async () => {
  const first = await runningGateway();
  await deliverEndpoint(first, 'kept', 'http://127.0.0.1:9/');
  first.child.kill('SIGTERM');
  await first.exited;
  const file = join(first.dataDir, 'tls', 'components', 'ca.json');
  const good = readFileSync(file);
  writeFileSync(file, '{');
  const second = await startGateway(first.dataDir);
  const status = await eventually('status tells', async () => {
    const found = await second.get(`${ALERTING}/status`);
    return found['appState'] === 'failed' && found;
  });
  expect(JSON.stringify(status['conditions'])).toContain(file);
  expect(readFileSync(file, 'utf8')).toBe('{');
  expect(await second.get(`${ALERTING}/endpoints/kept`)).toMatchObject({ revision: 1 });
  writeFileSync(file, good);
  await untilRunning(second);
});

/** Everything behind the first page, in which only the header and the schema are. */
function damagePages(path: string): void {
  const { size } = statSync(path);
  const file = openSync(path, 'r+');
  for (let at = 4096; at < size; at += 4096) writeSync(file, Buffer.alloc(2048, 0xa5), 0, 2048, at);
  closeSync(file);
}
