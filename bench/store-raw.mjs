// Durable creates through the object store against a bare durable insert of the same document, both in SQLite with
// synchronous=FULL on the same disk, in the same run. Needs a build: node bench/store-raw.mjs [seconds per measurement]
import Database from 'libsql';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteObjectStore } from '../dist/platform/store/sqlite/sqlite-object-store.js';

const ROUNDS = 5;
const MS = Number(process.argv[2] ?? 1) * 1000;
const document = { name: 'pager', url: 'https://example.org/hook', matchers: [], note: 'x'.repeat(400) };
const directory = mkdtempSync(join(tmpdir(), 'opni-store-bench-'));

const bare = new Database(join(directory, 'bare.db'));
bare.prepare('PRAGMA journal_mode=WAL').all();
bare.exec('PRAGMA synchronous=FULL');
bare.exec('CREATE TABLE t (id text PRIMARY KEY, document text NOT NULL)');
const insert = bare.prepare('INSERT INTO t VALUES (?, ?)');
const store = await openSqliteObjectStore({ file: join(directory, 'store.db') });

let id = 0;

function bareRate() {
  const start = performance.now();
  let done = 0;
  for (; performance.now() - start < MS; done++) insert.run(`id-${++id}`, JSON.stringify(document));
  return (done * 1000) / (performance.now() - start);
}

async function storeRate(clients) {
  const start = performance.now();
  let done = 0;
  const client = async () => {
    for (; performance.now() - start < MS; done++) {
      await store.transact([{ op: 'put', kind: 'bench', id: `id-${++id}`, document, expected: 'absent' }]);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return (done * 1000) / (performance.now() - start);
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

try {
  await storeRate(16);
  const rates = { bare: [], one: [], sixteen: [] };
  const ratios = { one: [], sixteen: [] };
  for (let round = 0; round < ROUNDS; round++) {
    const peer = bareRate();
    const one = await storeRate(1);
    const sixteen = await storeRate(16);
    rates.bare.push(peer);
    rates.one.push(one);
    rates.sixteen.push(sixteen);
    ratios.one.push(one / peer);
    ratios.sixteen.push(sixteen / peer);
  }
  const row = (name, rate, ratio) => {
    const times = ratio ? `${median(ratio).toFixed(2)}x` : '';
    process.stdout.write(`${name.padEnd(34)} ${median(rate).toFixed(0).padStart(7)}/s  ${times}
`);
  };
  row('peer: bare durable insert', rates.bare);
  row('transact, 1 client (>= 0.30x)', rates.one, ratios.one);
  row('transact, 16 clients (>= 0.80x)', rates.sixteen, ratios.sixteen);
} finally {
  await store.close();
  bare.close();
  rmSync(directory, { recursive: true, force: true });
}
