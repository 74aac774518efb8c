import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import Database from 'libsql';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Worker } from 'node:worker_threads';
import { describe, expect, it, onTestFinished } from 'vitest';
import { lockDataDirectory } from '../../src/platform/store/data-directory.js';
import { openSqliteObjectStore } from '../../src/platform/store/sqlite/sqlite-object-store.js';
import type { SqliteObjectStore } from '../../src/platform/store/sqlite/sqlite-object-store.js';
import { tempDir } from '../support/temp-dir.js';

const CHILD = fileURLToPath(new URL('store-child.mjs', import.meta.url));
const failsWith = (code: string, detail: string | RegExp = '') =>
  expect.objectContaining({ code, message: expect.stringMatching(detail) as string });

/** Starts a child and calls `onLine` for each line it prints; ends it with the test. */
function startChild(args: string[], onLine: (line: string, child: ChildProcess) => void): Promise<void> {
  const child = spawn(process.execPath, [CHILD, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  createInterface({ input: child.stdout }).on('line', (line) => onLine(line, child));
  return once(child, 'close').then(() => undefined);
}

async function open(directory: string, more: { expectExisting?: boolean } = {}): Promise<SqliteObjectStore> {
  const store = await openSqliteObjectStore({ file: join(directory, 'store.db'), ...more });
  onTestFinished(() => store.close());
  return store;
}

const put = (id: string, size = 10) =>
  ({ op: 'put', kind: 'thing', id, document: { text: 'x'.repeat(size) } }) as const;

describe('kill -9', () => {
  it('loses nothing that was acknowledged, and leaves no transaction half done', async () => {
    const directory = await tempDir();
    const acknowledged: string[] = [];
    for (let round = 0; round < 5; round++) {
      let count = 0;
      await startChild([directory, 'create', `r${round}`], (line, child) => {
        expect(line).not.toMatch(/^refused/);
        if (line === 'open') return;
        acknowledged.push(line);
        if (++count === 150 + round * 37) child.kill('SIGKILL');
      });
      expect(count).toBeGreaterThanOrEqual(150);

      const store = await openSqliteObjectStore({ file: join(directory, 'store.db'), expectExisting: true });
      try {
        const ids = new Set<string>();
        for await (const { id, document } of store.all<{ id: string }>('thing')) {
          expect(document.id).toBe(id);
          ids.add(id);
        }
        expect(acknowledged.filter((id) => !ids.has(id))).toEqual([]);
        for (const id of ids) expect(await store.get('twin', id)).toBeDefined();
        expect(await store.sequence()).toBe(2 * ids.size);
      } finally {
        await store.close();
      }
    }
  });

  it('frees the data directory, which nobody else gets while the first lives', async () => {
    const directory = await tempDir();
    const lines: string[] = [];
    let child: ChildProcess | undefined;
    const opened = new Promise<void>((resolve) => {
      void startChild([directory, 'hold'], (_, started) => {
        child = started;
        resolve();
      });
    });
    await opened;
    await startChild([directory, 'hold'], (line) => lines.push(line));
    expect(lines).toEqual([expect.stringContaining('refused data-directory-in-use')]);
    expect(lines[0]).toContain(directory);
    expect(() => lockDataDirectory(directory)).toThrow(failsWith('data-directory-in-use'));

    const gone = child && once(child, 'close');
    child?.kill('SIGKILL');
    await gone;
    const lock = lockDataDirectory(directory);
    expect(() => lockDataDirectory(directory)).toThrow(failsWith('data-directory-in-use'));
    lock.release();
    lockDataDirectory(directory).release();
  });
});

describe('a data directory that cannot be used', () => {
  it.each(['lockDataDirectory', 'openSqliteObjectStore'])(
    '%s refuses a path that is no directory',
    async (what) => {
      const file = join(await tempDir(), 'file');
      writeFileSync(file, 'mine');
      const attempt = async (path: string) =>
        what === 'lockDataDirectory'
          ? lockDataDirectory(path)
          : openSqliteObjectStore({ file: join(path, 'store.db') });
      await expect(attempt(file)).rejects.toEqual(failsWith('data-directory-unusable', 'not a directory'));
      await expect(attempt(join(file, 'below'))).rejects.toEqual(
        failsWith('data-directory-unusable', 'not a directory'),
      );
      expect(readFileSync(file, 'utf8')).toBe('mine');
    },
  );

  it('is not made where a store was known to be', async () => {
    const directory = await tempDir();
    await expect(open(directory, { expectExisting: true })).rejects.toEqual(failsWith('store-missing'));
    writeFileSync(join(directory, 'store.db-wal'), 'left over');
    await expect(open(directory)).rejects.toEqual(failsWith('store-missing'));
    expect(readdirSync(directory)).toEqual(['store.db-wal']);
  });

  it('opens a store once in a process', async () => {
    const directory = await tempDir();
    await open(directory);
    await expect(open(directory)).rejects.toEqual(failsWith('store-in-use'));
  });
});

describe('the writer thread', () => {
  it('fails pending and later writes when it dies, while reads go on', async () => {
    const started: Worker[] = [];
    const remember = (worker: Worker) => void started.push(worker);
    process.on('worker', remember);
    onTestFinished(() => void process.off('worker', remember));
    const errors: string[] = [];
    const directory = await tempDir();
    const store = await openSqliteObjectStore({
      file: join(directory, 'store.db'),
      logger: { warn: (text) => errors.push(text), error: (text) => errors.push(text) },
    });
    await store.transact([put('first')]);

    // Ended while it is idle: in the middle of a native call, ending a thread would take the process along.
    expect(started).toHaveLength(1);
    const ended = started[0]?.terminate();
    const pending = await Promise.allSettled(
      Array.from({ length: 50 }, (_, n) => store.transact([put(`id-${n}`)])),
    );
    await ended;
    for (const result of pending) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'storage-failed' } });
    }
    const stopped = failsWith('storage-failed', /writer .* has stopped.*Restart/);
    await expect(store.transact([put('later')])).rejects.toEqual(stopped);
    await expect(store.check()).rejects.toEqual(stopped);
    expect(errors).toEqual([expect.stringContaining('has stopped')]);
    expect(await store.get('thing', 'first')).toBeDefined();
    const count = await store.count('thing');
    await store.close();
    const again = await open(directory);
    expect(await again.count('thing')).toBe(count);
    await again.transact([put('later')]);
  });
});

describe('a damaged store', () => {
  /** A store with a few hundred objects, cleanly closed. */
  async function used(): Promise<{ directory: string; file: string }> {
    const directory = await tempDir();
    const file = join(directory, 'store.db');
    const store = await openSqliteObjectStore({ file });
    await store.transact(Array.from({ length: 300 }, (_, n) => put(`id-${n}`, 400)));
    await store.close();
    rmSync(`${file}-wal`, { force: true });
    rmSync(`${file}-shm`, { force: true });
    return { directory, file };
  }

  const damages: [string, string, (bytes: Buffer) => Buffer][] = [
    ['empty', 'store-empty', () => Buffer.alloc(0)],
    ['cut off in the middle', 'store-truncated', (bytes) => bytes.subarray(0, bytes.length / 2)],
    ['cut off by one page', 'store-truncated', (bytes) => bytes.subarray(0, bytes.length - 4096)],
    ['cut off in its header', 'store-not-sqlite', (bytes) => bytes.subarray(0, 60)],
    ['not SQLite', 'store-not-sqlite', () => Buffer.from('some text\n'.repeat(1000))],
    ['zeros', 'store-not-sqlite', (bytes) => Buffer.alloc(bytes.length)],
    ['from a newer release', 'store-newer', (bytes) => patched(bytes, 60, [0, 0, 0, 7])],
    ['flipped in a bit of the schema page', 'store-corrupt', (bytes) => patched(bytes, 103, [0xff, 0xff])],
    [
      'overwritten in its pages',
      'store-corrupt',
      (bytes) =>
        patched(
          bytes,
          5 * 4096,
          Array.from({ length: 4096 }, () => 0xa5),
        ),
    ],
  ];

  it.each(damages)('that is %s is refused as %s and left as it is', async (_, code, damage) => {
    const { directory, file } = await used();
    writeFileSync(file, damage(readFileSync(file)));
    const before = readFileSync(file);
    await expect(open(directory)).rejects.toEqual(failsWith(code, file));
    await expect(open(directory)).rejects.toEqual(failsWith(code, 'Nothing was changed'));
    expect(readFileSync(file).equals(before)).toBe(true);
    expect(readdirSync(directory)).toEqual(['store.db']);
  });

  it('finds every flipped bit in the b-tree headers of all pages', async () => {
    const { directory, file } = await used();
    const sound = readFileSync(file);
    const pages = sound.length / 4096;
    for (const page of [1, Math.floor(pages / 2), pages - 1]) {
      const bytes = Buffer.from(sound);
      const at = page * 4096;
      bytes.writeUInt8(bytes.readUInt8(at) ^ 0x80, at);
      writeFileSync(file, bytes);
      await expect(open(directory)).rejects.toEqual(failsWith('store-corrupt'));
      expect(readFileSync(file).equals(bytes)).toBe(true);
    }
    writeFileSync(file, sound);
    expect(await (await open(directory)).count('thing')).toBe(300);
  });

  it('of another program is refused and left as it is', async () => {
    const directory = await tempDir();
    const file = join(directory, 'store.db');
    const foreign = new Database(file);
    foreign.exec('CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1); PRAGMA application_id=305419896');
    foreign.close();
    const before = readFileSync(file);
    await expect(open(directory)).rejects.toEqual(failsWith('store-foreign', '0x12345678'));
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  it('names both format numbers when it is from a newer release', async () => {
    const { directory, file } = await used();
    writeFileSync(file, patched(readFileSync(file), 60, [0, 0, 0, 7]));
    await expect(open(directory)).rejects.toEqual(failsWith('store-newer', /format 7.*up to format 2/));
  });

  it('with a log is left as it is too, log included', async () => {
    const directory = await tempDir();
    const file = join(directory, 'store.db');
    let count = 0;
    await startChild([directory, 'create', 'w'], (line, child) => {
      if (line !== 'open' && ++count === 100) child.kill('SIGKILL');
    });
    expect(statSync(`${file}-wal`).size).toBeGreaterThan(0);
    writeFileSync(file, patched(readFileSync(file), 100, [0xff, 0xff, 0xff]));
    // The log holds page 1 as well; without its end the damage below shows.
    const wal = readFileSync(`${file}-wal`);
    writeFileSync(`${file}-wal`, wal.subarray(0, 32));
    const before = [readFileSync(file), readFileSync(`${file}-wal`)];
    await expect(open(directory)).rejects.toEqual(failsWith('store-corrupt'));
    expect(readFileSync(file).equals(before[0] ?? Buffer.alloc(0))).toBe(true);
    expect(readFileSync(`${file}-wal`).equals(before[1] ?? Buffer.alloc(0))).toBe(true);
  });
});

function patched(bytes: Buffer, at: number, values: number[]): Buffer {
  const copy = Buffer.from(bytes);
  Buffer.from(values).copy(copy, at);
  return copy;
}

/** '' when a file system of a test's own can be mounted, else why not. */
function mountObstacle(): string {
  if (process.getuid?.() !== 0) return 'needs root to mount a small file system';
  const probe = join('/tmp', `opni-mount-probe-${process.pid}`);
  mkdirSync(probe, { recursive: true });
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', probe]).status === 0;
  if (mounted) spawnSync('umount', [probe]);
  rmSync(probe, { recursive: true, force: true });
  return mounted ? '' : 'mounting is not permitted here';
}

const obstacle = mountObstacle();

describe.skipIf(obstacle !== '')(
  `on a file system of its own${obstacle && ` (skipped: ${obstacle})`}`,
  () => {
    async function mounted(size: string): Promise<string> {
      const directory = await tempDir();
      expect(spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', directory]).status).toBe(0);
      onTestFinished(() => void spawnSync('umount', ['-l', directory]));
      return directory;
    }

    /** Takes all space that is left. */
    function fill(directory: string): string {
      const ballast = join(directory, 'ballast');
      const block = Buffer.alloc(4096);
      try {
        for (;;) writeFileSync(ballast, block, { flag: 'a' });
      } catch (error) {
        expect(error).toMatchObject({ code: 'ENOSPC' });
      }
      return ballast;
    }

    it('answers storage-full when the disk is full, reads on, and writes again once there is space', async () => {
      const directory = await mounted('2m');
      const store = await open(directory);
      const stop = new AbortController();
      onTestFinished(() => stop.abort());
      const watched: number[] = [];
      const watching = (async () => {
        for await (const { sequence } of store.watch({ after: 0, signal: stop.signal }))
          watched.push(sequence);
      })();
      await store.transact([put('first')]);
      const ballast = fill(directory);

      let saved = 1;
      const fillStore = async () => {
        for (;;) {
          await store.transact([put(`id-${saved}`, 3000)]);
          saved++;
        }
      };
      const failure: unknown = await fillStore().catch((error: unknown) => error);
      expect(failure).toEqual(failsWith('storage-full', directory));
      expect(failure).toMatchObject({ category: 'insufficient-storage' });
      const together = await Promise.allSettled(
        Array.from({ length: 8 }, (_, n) => store.transact([put(`t-${n}`, 90_000)])),
      );
      for (const result of together) {
        expect(result).toMatchObject({ status: 'rejected', reason: { code: 'storage-full' } });
      }
      fill(directory);
      await expect(store.check()).rejects.toEqual(failsWith('storage-full'));
      expect(await store.count('thing')).toBe(saved);
      expect(await store.get('thing', 'first')).toBeDefined();
      expect(await store.sequence()).toBe(saved);

      rmSync(ballast);
      await store.check();
      await store.transact([put('after', 20_000)]);
      await store.close();
      await watching;
      expect(watched).toEqual(Array.from({ length: saved + 1 }, (_, n) => n + 1));
      const again = await open(directory, { expectExisting: true });
      expect(await again.count('thing')).toBe(saved + 1);
    });

    it('does not start on a full disk, and leaves the store as it is', async () => {
      const directory = await mounted('1m');
      const store = await open(directory);
      await store.transact([put('first')]);
      await store.close();
      const before = readFileSync(join(directory, 'store.db'));
      const ballast = fill(directory);
      await expect(open(directory)).rejects.toEqual(failsWith('storage-full', directory));
      expect(() => lockDataDirectory(directory)).toThrow(failsWith('storage-full'));
      expect(readFileSync(join(directory, 'store.db')).equals(before)).toBe(true);
      rmSync(ballast);
      expect(await (await open(directory)).count('thing')).toBe(1);
    });

    it('leaves nothing behind on a disk that is too small for a store', async () => {
      const directory = await mounted('40k');
      await expect(open(directory)).rejects.toEqual(failsWith('storage-full'));
      expect(readdirSync(directory)).toEqual([]);
    });

    it('does not start on a read-only mount', async () => {
      const directory = await mounted('1m');
      const store = await open(directory);
      await store.transact([put('first')]);
      await store.close();
      const view = await tempDir();
      onTestFinished(() => void spawnSync('umount', ['-l', view]));
      expect(spawnSync('mount', ['--bind', directory, view]).status).toBe(0);
      expect(spawnSync('mount', ['-o', 'remount,bind,ro', view]).status).toBe(0);
      const readOnly = failsWith('data-directory-unusable', 'read-only file system');
      await expect(open(view)).rejects.toEqual(readOnly);
      expect(() => lockDataDirectory(view)).toThrow(readOnly);
      expect(await (await open(directory)).count('thing')).toBe(1);
    });
  },
);
