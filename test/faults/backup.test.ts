import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  copyFileSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { openSqliteObjectStore } from '../../src/platform/store/sqlite/sqlite-object-store.js';
import { ALERTMANAGER_TIMEOUT_MS, alertmanagerBinaries } from '../support/alertmanager.js';
import { GatewayUnderTest, type Json } from '../support/gateway.js';
import { tempDir } from '../support/temp-dir.js';
import { WebhookCollector } from '../support/webhook-collector.js';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const STORE_CHILD = fileURLToPath(new URL('store-child.mjs', import.meta.url));
const SECRET = 'planted-secret-5d1c';

interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

const environment = (dataDir: string) => ({
  PATH: process.env['PATH'] ?? '',
  HOME: process.env['HOME'] ?? '',
  OPNI_DATA_DIR: dataDir,
});

async function opni(dataDir: string, ...args: string[]): Promise<Outcome> {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: environment(dataDir),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const outcome: Outcome = { code: null, stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (outcome.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (outcome.stderr += text));
  await once(child, 'close');
  return { ...outcome, code: child.exitCode };
}

async function succeeds(dataDir: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await opni(dataDir, ...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

async function fails(dataDir: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await opni(dataDir, ...args);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr.trim().split('\n')).toHaveLength(1);
  return stderr;
}

/** Whether what looks like a backup is one, and what it restores to. */
async function restored(file: string): Promise<string> {
  const directory = await tempDir();
  await succeeds(directory, 'restore', file);
  return directory;
}

/** A data directory with a store and a made-up certificate authority, both sealed with the key of its key file. */
async function dataDirectory(objects = 10, size = 100): Promise<{ directory: string; keyId: string }> {
  const directory = await tempDir();
  writeFileSync(join(directory, 'secrets.key'), `${randomBytes(32).toString('base64url')}\n`, {
    mode: 0o600,
  });
  const { openKeyFile } = await import('../../src/platform/secrets/key-file.js');
  const sealer = await openKeyFile({ file: join(directory, 'secrets.key'), mayCreate: false });
  const store = await openSqliteObjectStore({ file: join(directory, 'opni.db') });
  for (let n = 0; n < objects; n += 100) {
    await store.transact(
      Array.from({ length: Math.min(100, objects - n) }, (_, m) => ({
        op: 'put' as const,
        kind: 'thing',
        id: `id-${n + m}`,
        document: { secret: sealer.seal(SECRET, 'thing'), padding: 'x'.repeat(size) },
      })),
    );
  }
  await store.close();
  mkdirSync(join(directory, 'tls', 'agents'), { recursive: true });
  writeFileSync(join(directory, 'tls', 'agents', 'ca.json'), sealer.seal('key', 'ca'));
  writeFileSync(join(directory, 'tls', 'agents', '.ca.json.1.a.tmp'), 'half written');
  return { directory, keyId: sealer.keyId };
}

async function backupOf(directory: string): Promise<string> {
  const file = join(await tempDir(), 'backup');
  await succeeds(directory, 'backup', file);
  return file;
}

describe('a backup of a gateway that runs', () => {
  beforeAll(async () => void (await alertmanagerBinaries()), ALERTMANAGER_TIMEOUT_MS);

  it('restores to a gateway that goes on with its endpoints, secrets and certificates', async () => {
    const receiver = await WebhookCollector.start();
    onTestFinished(() => receiver.close());
    const gateway = await GatewayUnderTest.start();
    onTestFinished(() => gateway.dispose());
    await gateway.untilRunning();
    const endpoint = (n: number): Json => ({
      name: `Endpoint ${n}`,
      type: 'webhook',
      webhook: {
        url: `${receiver.url}/${n}`,
        http_config: { authorization: { credentials: SECRET } },
      },
    });
    const path = '/api/v1/alerting/endpoints';
    const create = async (n: number) => {
      const answer = await gateway.request('PUT', `${path}/e-${String(n).padStart(4, '0')}`, {
        body: endpoint(n),
      });
      expect(answer.status, answer.text).toBe(201);
    };
    await create(0);

    const stop = new AbortController();
    let created = 1;
    const writing = (async () => {
      for (; !stop.signal.aborted; created++) await create(created);
    })();
    const file = join(await tempDir(), 'backup');
    const before = created;
    const said = await succeeds(gateway.dataDir, 'backup', file);
    const after = created;
    stop.abort();
    await writing;

    expect(said).toMatch(/the key [0-9a-f]{8} is needed/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const content = readFileSync(file);
    expect(content.includes(SECRET)).toBe(false);
    const keyLine = /^[A-Za-z0-9_-]{43}$/m.exec(
      readFileSync(join(gateway.dataDir, 'secrets.key'), 'utf8'),
    )?.[0];
    expect(keyLine).toBeDefined();
    expect(content.includes(keyLine ?? '')).toBe(false);

    const inUse = await fails(gateway.dataDir, 'restore', file, '--force');
    expect(inUse).toContain('in use by another gateway');

    const target = await tempDir();
    copyFileSync(join(gateway.dataDir, 'secrets.key'), join(target, 'secrets.key'));
    const ca = (directory: string) =>
      readdirSync(join(directory, 'tls'), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.json'))
        .toSorted()
        .map((name) => [name, readFileSync(join(directory, 'tls', name), 'utf8')]);
    await succeeds(target, 'restore', file);
    expect(ca(target)).toEqual(ca(gateway.dataDir));
    expect(ca(target).length).toBeGreaterThan(0);
    await gateway.kill();
    const left = await fails(gateway.dataDir, 'restore', file, '--force');
    expect(left).toMatch(/left processes running on .* \([\d, ]+\)/);
    await gateway.dispose();

    const next = await GatewayUnderTest.start({ dataDir: target });
    onTestFinished(() => next.dispose());
    await next.untilRunning();
    const { items } = await next.get<{ items: { id: string }[] }>(`${path}?limit=500`);
    expect(items.length).toBeGreaterThanOrEqual(before);
    expect(items.length).toBeLessThanOrEqual(after + 1);
    expect(items.map(({ id }) => Number(id.slice(2)))).toEqual(items.map((_, index) => index));
    const tested = await next.request('POST', '/api/v1/alerting/endpoint-tests', {
      body: { endpointId: 'e-0000' },
    });
    expect(tested.status, tested.text).toBe(200);
    expect(receiver.received.at(-1)?.headers.authorization).toBe(`Bearer ${SECRET}`);
  }, 120_000);

  it('is one moment of a store that four clients write to', async () => {
    const directory = await tempDir();
    const child = spawn(process.execPath, [STORE_CHILD, directory, 'create', 'w', 'opni.db'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const acknowledged: string[] = [];
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      acknowledged.push(...lines);
    });
    while (acknowledged.length < 200) await delay(5);
    for (let round = 0; round < 3; round++) {
      const before = acknowledged.slice(1);
      const copy = await restored(await backupOf(directory));
      const store = await openSqliteObjectStore({ file: join(copy, 'opni.db'), expectExisting: true });
      onTestFinished(() => store.close());
      const ids: string[] = [];
      for await (const { id } of store.all('thing')) ids.push(id);
      const twins: string[] = [];
      for await (const { id } of store.all('twin')) twins.push(id);
      expect(twins).toEqual(ids);
      const there = new Set(ids);
      expect(before.filter((id) => !there.has(id))).toEqual([]);
      expect(await store.sequence()).toBe(2 * ids.length);
    }
    const written = acknowledged.length;
    while (acknowledged.length === written) await delay(5);
  });
});

describe('opni backup', () => {
  it('leaves a file of that name alone unless forced', async () => {
    const { directory } = await dataDirectory();
    const file = join(await tempDir(), 'backup');
    writeFileSync(file, 'mine');
    expect(await fails(directory, 'backup', file)).toContain('already a file');
    expect(readFileSync(file, 'utf8')).toBe('mine');
    await succeeds(directory, 'backup', file, '--force');
    expect(readFileSync(file, 'utf8')).toMatch(/^opni-backup 1\n/);
    expect(await fails(directory, 'backup', join(file, '..'), '--force')).toContain('is a directory');
    expect(await fails(directory, 'backup', join(file, 'below'))).toMatch(/ENOTDIR/);
    expect(await fails(await tempDir(), 'backup', `${file}-2`)).toContain('There is no store');
    expect(readdirSync(join(file, '..'))).toEqual(['backup']);
  });

  it('refuses a damaged store', async () => {
    const { directory } = await dataDirectory();
    const file = join(directory, 'opni.db');
    const bytes = readFileSync(file);
    bytes.fill(0xa5, 4096, 8192);
    writeFileSync(file, bytes);
    const target = await tempDir();
    expect(await fails(directory, 'backup', join(target, 'backup'))).toMatch(/damaged|malformed/);
    expect(readdirSync(target)).toEqual([]);
  });

  it('killed at any moment leaves no file that could be taken for one', async () => {
    const { directory } = await dataDirectory(4000, 3000);
    const target = await tempDir();
    let killed = 0;
    for (let wait = 100; wait < 3000; wait += 60) {
      const file = join(target, `backup-${wait}`);
      const child = spawn(process.execPath, [MAIN, 'backup', file], {
        env: environment(directory),
        stdio: 'ignore',
      });
      onTestFinished(() => void child.kill('SIGKILL'));
      const gone = once(child, 'close');
      await Promise.race([delay(wait), gone]);
      child.kill('SIGKILL');
      await gone;
      if (child.signalCode === null) break;
      killed++;
      // It may have been killed after its work.
      if (readdirSync(target).includes(`backup-${wait}`)) await restoreWithKeyOf(file, directory);
      for (const name of readdirSync(target)) {
        if (name.startsWith('.')) expect(name).toMatch(/\.tmp(-journal)?$/);
        rmSync(join(target, name));
      }
    }
    expect(killed).toBeGreaterThan(2);
    const file = await backupOf(directory);
    await restoreWithKeyOf(file, directory);
  }, 60_000);

  it('on a full disk leaves nothing half written, and says so', async (context) => {
    const { directory } = await dataDirectory(1000, 3000);
    const small = await tempDir();
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', small]).status !== 0) {
      context.skip('mounting a small file system needs root');
    }
    onTestFinished(() => void spawnSync('umount', ['-l', small]));
    // The snapshot fits, and the backup beside it does not.
    expect(await fails(directory, 'backup', join(small, 'backup'))).toMatch(/no space left|is full/);
    expect(readdirSync(small)).toEqual([]);
    writeFileSync(join(small, 'ballast'), Buffer.alloc(4 * 1024 * 1024));
    expect(await fails(directory, 'backup', join(small, 'backup'))).toMatch(/no space left|is full/);
    expect(readdirSync(small)).toEqual(['ballast']);
  });
});

/** Restores with the key file of `from`. */
async function restoreWithKeyOf(file: string, from: string): Promise<void> {
  const target = await tempDir();
  copyFileSync(join(from, 'secrets.key'), join(target, 'secrets.key'));
  await succeeds(target, 'restore', file);
}

describe('opni restore', () => {
  it('says which key it needs, and touches nothing without it', async () => {
    const { directory, keyId } = await dataDirectory();
    const file = await backupOf(directory);
    const target = await tempDir();
    expect(await fails(target, 'restore', file)).toMatch(new RegExp(`key ${keyId}, but .* does not exist`));
    const other = await dataDirectory();
    expect(await fails(other.directory, 'restore', file, '--force')).toMatch(
      new RegExp(`key ${keyId}, but .* holds only ${other.keyId}`),
    );
    expect(readdirSync(target)).toEqual([]);

    const both = `${readFileSync(join(other.directory, 'secrets.key'), 'utf8')}${readFileSync(join(directory, 'secrets.key'), 'utf8')}`;
    writeFileSync(join(target, 'secrets.key'), both, { mode: 0o600 });
    await succeeds(target, 'restore', file);
    expect(readFileSync(join(target, 'secrets.key'), 'utf8')).toBe(both);
    expect(readdirSync(join(target, 'tls', 'agents'))).toEqual(['ca.json']);
    expect(statSync(join(target, 'tls', 'agents', 'ca.json')).mode & 0o777).toBe(0o600);
  });

  it('needs an empty directory, or moves aside what is there', async () => {
    const { directory } = await dataDirectory(10);
    const file = await backupOf(directory);
    const store = await openSqliteObjectStore({ file: join(directory, 'opni.db') });
    await store.transact([{ op: 'put', kind: 'thing', id: 'later', document: {} }]);
    await store.close();
    writeFileSync(join(directory, 'admin-token'), 'stays');
    const names = readdirSync(directory).toSorted();
    expect(await fails(directory, 'restore', file)).toContain('not empty');
    expect(
      readdirSync(directory)
        .filter((name) => name !== 'gateway.lock')
        .toSorted(),
    ).toEqual(names);

    expect(await succeeds(directory, 'restore', file, '--force')).toContain('before-restore-');
    const now = readdirSync(directory);
    const aside = now.find((name) => name.startsWith('before-restore-')) ?? '';
    expect(now.toSorted()).toEqual(['admin-token', aside, 'gateway.lock', 'opni.db', 'secrets.key', 'tls']);
    expect(readdirSync(join(directory, aside))).toEqual(expect.arrayContaining(['opni.db', 'tls']));
    const count = async (path: string) => {
      const opened = await openSqliteObjectStore({ file: join(path, 'opni.db'), expectExisting: true });
      onTestFinished(() => opened.close());
      return opened.count('thing');
    };
    expect(await count(directory)).toBe(10);
    expect(await count(join(directory, aside))).toBe(11);
  });

  it('refuses a backup that is cut off or has a flipped bit anywhere', async () => {
    const { directory } = await dataDirectory();
    const file = await backupOf(directory);
    const sound = readFileSync(file);
    const target = await tempDir();
    copyFileSync(join(directory, 'secrets.key'), join(target, 'secrets.key'));
    const { readBackupFile } = await import('../../src/roles/backup/backup-file.js');
    await expect(readBackupFile(file)).resolves.toBeDefined();
    const headerLength = sound.indexOf('\n', sound.indexOf('\n', 20) + 1);
    const places = [
      ...Array.from({ length: headerLength }, (_, n) => n),
      ...Array.from({ length: 200 }, (_, n) => Math.floor((sound.length * n) / 200)),
      sound.length - 1,
    ];
    const damages = expect.objectContaining({
      code: expect.stringMatching(/^backup-(damaged|unknown|newer)$/) as string,
    });
    for (const place of places) {
      const bytes = Buffer.from(sound);
      bytes.writeUInt8(bytes.readUInt8(place) ^ (1 << (place % 8)), place);
      writeFileSync(file, bytes);
      await expect(readBackupFile(file), `bit at ${place}`).rejects.toEqual(damages);
      if (place % 2000 < 20) {
        writeFileSync(file, sound.subarray(0, place));
        await expect(readBackupFile(file), `cut at ${place}`).rejects.toEqual(damages);
      }
    }
    writeFileSync(file, Buffer.concat([sound, Buffer.from('x')]));
    await expect(readBackupFile(file)).rejects.toEqual(damages);

    writeFileSync(file, sound.subarray(0, sound.length - 1));
    expect(await fails(target, 'restore', file)).toContain('is damaged');
    writeFileSync(file, 'something else');
    expect(await fails(target, 'restore', file)).toContain('is not a backup');
    writeFileSync(file, sound.toString('latin1').replace('backup 1', 'backup 7'), 'latin1');
    expect(await fails(target, 'restore', file)).toContain('format 7');
    expect(await fails(target, 'restore', `${file}-no`)).toContain('ENOENT');
    expect(readdirSync(target)).toEqual(['secrets.key']);
  });

  it('killed at any moment leaves the old state, or refuses a gateway until it is run again', async () => {
    const old = await dataDirectory(5);
    const { directory } = await dataDirectory(3000, 3000);
    const file = await backupOf(directory);
    const target = old.directory;
    copyFileSync(join(directory, 'secrets.key'), join(target, 'secrets.key'));
    let killed = 0;
    for (let wait = 100; wait < 3000; wait += 50) {
      const child = spawn(process.execPath, [MAIN, 'restore', file, '--force'], {
        env: environment(target),
        stdio: 'ignore',
      });
      onTestFinished(() => void child.kill('SIGKILL'));
      const gone = once(child, 'close');
      await Promise.race([delay(wait), gone]);
      child.kill('SIGKILL');
      await gone;
      if (child.signalCode === null) break;
      killed++;
      if (readdirSync(target).includes('restore-unfinished')) {
        const { stderr, code } = await opni(target, 'gateway');
        expect({ stderr, code }).toEqual({
          code: 1,
          stderr: expect.stringContaining('opni restore') as string,
        });
        continue;
      }
      const store = await openSqliteObjectStore({ file: join(target, 'opni.db'), expectExisting: true });
      expect([5, 3000]).toContain(await store.count('thing'));
      await store.close();
    }
    expect(killed).toBeGreaterThan(2);
    await succeeds(target, 'restore', file, '--force');
    const store = await openSqliteObjectStore({ file: join(target, 'opni.db'), expectExisting: true });
    expect(await store.count('thing')).toBe(3000);
    await store.close();
    expect(readdirSync(target).filter((name) => /restoring|unfinished/.test(name))).toEqual([]);
  }, 60_000);

  it('that was interrupted keeps a gateway away until it is run again', async () => {
    const { directory } = await dataDirectory();
    const file = await backupOf(directory);
    const target = await tempDir();
    copyFileSync(join(directory, 'secrets.key'), join(target, 'secrets.key'));
    writeFileSync(join(target, 'restore-unfinished'), '');
    mkdirSync(join(target, 'tls'));
    expect(await fails(target, 'gateway')).toContain('opni restore');
    await succeeds(target, 'restore', file);
    expect(readdirSync(target)).not.toContain('restore-unfinished');

    // Killed between the old store and its log, with the new certificates in place: all that is old comes together.
    const again = await dataDirectory();
    writeFileSync(join(again.directory, 'restore-unfinished'), 'before-restore-x');
    mkdirSync(join(again.directory, 'before-restore-x', 'tls'), { recursive: true });
    renameSync(join(again.directory, 'opni.db'), join(again.directory, 'before-restore-x', 'opni.db'));
    writeFileSync(join(again.directory, 'opni.db-wal'), 'log');
    copyFileSync(join(directory, 'secrets.key'), join(again.directory, 'secrets.key'));
    expect(await succeeds(again.directory, 'restore', file)).toContain('before-restore-x.');
    expect(readdirSync(join(again.directory, 'before-restore-x'))).toEqual(
      expect.arrayContaining(['opni.db', 'opni.db-wal', 'tls']),
    );
    expect(readdirSync(again.directory).toSorted()).toEqual([
      'before-restore-x',
      'gateway.lock',
      'opni.db',
      'secrets.key',
      'tls',
    ]);
  });
});
