// Opening a store with 100,000 objects, which checks the whole file first, and starting a gateway on it.
// Needs a build: node bench/open.mjs
import { statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { fillWithEndpoints, OBJECTS } from './lib/fill.mjs';
import { DIST, startGateway, withDirectory } from './lib/process.mjs';
import { print, Report } from './lib/report.mjs';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 7);
const { openSqliteObjectStore } = await import(join(DIST, 'platform/store/sqlite/sqlite-object-store.js'));

const report = new Report(`open: a data directory with ${OBJECTS} endpoints`);

await withDirectory(async (directory) => {
  const dataDir = join(directory, 'data');
  const empty = join(directory, 'empty');
  for (const each of [dataDir, empty]) {
    const gateway = startGateway(each);
    await gateway.untilReady();
    await gateway.stop();
  }
  await fillWithEndpoints(dataDir, OBJECTS);
  const file = join(dataDir, 'opni.db');
  print(`  (the file has ${(statSync(file).size / 2 ** 20).toFixed(0)} MiB)`);

  const times = { check: [], open: [], start: [], startEmpty: [] };
  for (let round = 0; round < ROUNDS; round++) {
    times.check.push(await timed(async () => quickCheck(file)));
    let store;
    times.open.push(
      await timed(async () => {
        store = await openSqliteObjectStore({ file });
      }),
    );
    await store.close();
    for (const [into, where] of [
      [times.start, dataDir],
      [times.startEmpty, empty],
    ]) {
      const gateway = startGateway(where);
      into.push((await gateway.untilReady()).ready.ms);
      await gateway.stop();
    }
  }
  report.ratio('open', {
    ours: times.open,
    peer: times.check,
    peerName: 'PRAGMA quick_check alone',
    unit: 'ms',
  });
  report.ratio('gateway ready', {
    ours: times.start,
    peer: times.startEmpty,
    peerName: 'gateway on an empty store',
    unit: 'ms',
  });
});
report.end();

/** @param {() => Promise<void>} work */
async function timed(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** @param {string} file */
function quickCheck(file) {
  const db = new Database(file);
  db.prepare('PRAGMA quick_check(3)').raw().all();
  db.close();
}
