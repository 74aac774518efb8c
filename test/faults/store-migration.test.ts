import { spawn, spawnSync } from 'node:child_process';
import Database from 'libsql';
import { once } from 'node:events';
import { cpSync, existsSync, readFileSync, readdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openSqliteObjectStore } from '../../src/platform/store/sqlite/sqlite-object-store.js';
import type { SqliteObjectStore } from '../../src/platform/store/sqlite/sqlite-object-store.js';
import { tempDir } from '../support/temp-dir.js';

const FIXTURES = fileURLToPath(new URL('../fixtures/data-directories', import.meta.url));
const CHILD = fileURLToPath(new URL('store-child.mjs', import.meta.url));
const BULK = 6_000;

/** A copy of a fixture whose store is called as the child process expects it. */
async function fixture(format: string): Promise<string> {
  const directory = await tempDir();
  cpSync(join(FIXTURES, format), directory, { recursive: true });
  for (const name of readdirSync(directory)) {
    renameSync(join(directory, name), join(directory, name.replace('opni.db', 'store.db')));
  }
  return directory;
}

async function open(directory: string): Promise<SqliteObjectStore> {
  const store = await openSqliteObjectStore({ file: join(directory, 'store.db'), expectExisting: true });
  onTestFinished(() => store.close());
  return store;
}

/** What a connection of its own reads of a store that nobody has open. */
function inspect<T>(file: string, read: (db: Database.Database) => T): T {
  const db = new Database(file);
  try {
    return read(db);
  } finally {
    db.close();
  }
}

const formatOf = (file: string) => inspect(file, (db) => db.prepare('PRAGMA user_version').pluck().all()[0]);

/** Names and types of all columns of all tables, whatever their order. */
function layout(file: string): string[] {
  return inspect(file, (db) =>
    ['objects', 'changes', 'revisions', 'meta']
      .flatMap((table) =>
        (db.prepare(`PRAGMA table_info(${table})`).raw().all() as unknown[][]).map(
          ([, name, type, notNull, , key]) =>
            `${table}.${String(name)} ${JSON.stringify([type, notNull, key])}`,
        ),
      )
      .toSorted(),
  );
}

describe('a store of format 1', () => {
  it('is opened with all that it has, and copied before', async () => {
    const directory = await fixture('v1');
    const store = await open(directory);
    const { items } = await store.list<{ name: string; note?: string }>('endpoint');
    expect(items.map(({ id, revision, labels, author }) => [id, revision, labels, author])).toEqual([
      ['endpoint-1', 1, { team: 'a' }, null],
      ['endpoint-2', 2, { team: 'b' }, null],
    ]);
    expect(items[0]?.document).toMatchObject({ name: 'Endpoint 1', note: 'ä\u{1F600}' });
    expect(items[1]?.document).toEqual({ name: 'changed' });
    expect(await store.get('operation', 'op-1')).toMatchObject({ document: { phase: 'succeeded' } });
    expect(await store.sequence()).toBe(6);
    const changes: [string, string][] = [];
    const stop = new AbortController();
    for await (const { op, object } of store.watch({ after: 0, signal: stop.signal })) {
      if (changes.push([op, object.id]) === 6) break;
    }
    expect(changes.at(4)).toEqual(['delete', 'endpoint-3']);

    await store.transact([
      { op: 'put', kind: 'endpoint', id: 'endpoint-1', document: { name: 'new' }, history: 10 },
    ]);
    const { items: revisions } = await store.history<{ name: string }>('endpoint', 'endpoint-1');
    expect(revisions.map(({ document }) => document.name)).toEqual(['new', 'Endpoint 1']);
    await store.close();

    const copy = join(directory, 'store.db.before-v2');
    expect(statSync(copy).mode & 0o777).toBe(0o600);
    expect(formatOf(copy)).toBe(1);
    expect(inspect(copy, (db) => db.prepare('SELECT id FROM objects ORDER BY id').pluck().all())).toEqual([
      'endpoint-1',
      'endpoint-2',
      'op-1',
    ]);
    expect(formatOf(join(directory, 'store.db'))).toBe(2);
    const before = readFileSync(copy);
    await (await open(directory)).close();
    expect(readFileSync(copy).equals(before)).toBe(true);
  });

  it('has the tables of a new one afterwards', async () => {
    const directory = await fixture('v1');
    await (await open(directory)).close();
    const fresh = join(await tempDir(), 'store.db');
    await (await openSqliteObjectStore({ file: fresh })).close();
    expect(layout(join(directory, 'store.db'))).toEqual(layout(fresh));
  });

  it('can go back to its copy', async () => {
    const directory = await fixture('v1');
    const file = join(directory, 'store.db');
    await (await open(directory)).close();
    cpSync(`${file}.before-v2`, file);
    expect(formatOf(file)).toBe(1);
    expect(await (await open(directory)).count('endpoint')).toBe(2);
  });
});

/** So large that copying it takes a while. */
async function large(): Promise<string> {
  const directory = await fixture('v1');
  inspect(join(directory, 'store.db'), (db) => {
    const insert = db.prepare(
      "INSERT INTO objects (kind, id, revision, sequence, labels, document, created_at, updated_at) VALUES ('bulk', ?, 1, 1, '{}', ?, '', '')",
    );
    db.exec('BEGIN');
    for (let n = 0; n < BULK; n++) insert.run(`id-${n}`, JSON.stringify({ n, padding: 'x'.repeat(3000) }));
    db.exec('COMMIT');
    db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').raw().all();
  });
  return directory;
}

describe('kill -9 while a store of format 1 is migrated', () => {
  /** Starts what migrates, and kills it as soon as `isMoment` says so; `false` when it had opened before that. */
  async function killAt(directory: string, isMoment: (startedAt: number) => boolean): Promise<boolean> {
    const child = spawn(process.execPath, [CHILD, directory, 'hold'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    let output = '';
    const hasOpened = () => output !== '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    const gone = once(child, 'close');
    const startedAt = performance.now();
    while (!hasOpened() && !isMoment(startedAt)) await delay(1);
    child.kill('SIGKILL');
    await gone;
    expect(output).not.toContain('refused');
    return !hasOpened();
  }

  async function expectWhole(directory: string): Promise<void> {
    const file = join(directory, 'store.db');
    const copy = `${file}.before-v2`;
    const store = await open(directory);
    expect(await store.count('bulk')).toBe(BULK);
    expect(await store.count('endpoint')).toBe(2);
    expect(await store.get('operation', 'op-1')).toBeDefined();
    await store.close();
    expect(formatOf(copy)).toBe(1);
    expect(inspect(copy, (db) => db.prepare('SELECT count(*) FROM objects').pluck().all()[0])).toBe(BULK + 3);
    expect(readdirSync(directory).filter((name) => name.includes('creating'))).toEqual([]);
  }

  const moments: [string, (directory: string) => boolean][] = [
    ['the copy begins', (directory) => existsSync(join(directory, 'store.db.before-v2.creating'))],
    [
      'the copy is half written',
      (directory) => {
        const draft = join(directory, 'store.db.before-v2.creating');
        return (statSync(draft, { throwIfNoEntry: false })?.size ?? 0) > 5_000_000;
      },
    ],
    ['the copy is there', (directory) => existsSync(join(directory, 'store.db.before-v2'))],
  ];

  it.each(moments)('when %s', async (_, isMoment) => {
    const directory = await large();
    for (let round = 0; round < 3; round++) await killAt(directory, () => isMoment(directory));
    await expectWhole(directory);
  });

  it('at any moment, again and again', async () => {
    const directory = await large();
    let killed = 0;
    for (let wait = 40; wait < 1500; wait += 45) {
      if (!(await killAt(directory, (startedAt) => performance.now() - startedAt > wait))) break;
      killed++;
    }
    expect(killed).toBeGreaterThan(2);
    await expectWhole(directory);
  });
});

it('on a full disk a store of format 1 stays what it is, and is migrated once there is space', async (context) => {
  const directory = await tempDir();
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=40m', 'tmpfs', directory]).status !== 0) {
    context.skip('mounting a small file system needs root');
  }
  onTestFinished(() => void spawnSync('umount', ['-l', directory]));
  cpSync(await large(), directory, { recursive: true });
  const file = join(directory, 'store.db');
  for (let attempt = 0; attempt < 2; attempt++) {
    await expect(open(directory)).rejects.toMatchObject({ code: 'storage-full' });
    expect(formatOf(file)).toBe(1);
    expect(readdirSync(directory).filter((name) => name.includes('before'))).toEqual([]);
  }
  expect(spawnSync('mount', ['-o', 'remount,size=120m', directory]).status).toBe(0);
  expect(await (await open(directory)).count('bulk')).toBe(BULK);
});
