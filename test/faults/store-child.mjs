// A gateway's share of the store, for tests that kill it: claims the directory, opens the store and, on demand, creates
// objects from several clients at once, printing the id of each as soon as it is acknowledged.
// node store-child.mjs <directory> hold | create <prefix> [file]
import { join } from 'node:path';
import { lockDataDirectory } from '../../dist/platform/store/data-directory.js';
import { openSqliteObjectStore } from '../../dist/platform/store/sqlite/sqlite-object-store.js';

const [directory, mode, prefix, file = 'store.db'] = process.argv.slice(2);
const say = (line) => process.stdout.write(`${line}\n`);

async function create(store, client) {
  for (let n = 0; ; n++) {
    const id = `${prefix}-${client}-${n}`;
    const document = { id, padding: 'x'.repeat(n % 700) };
    await store.transact([
      { op: 'put', kind: 'thing', id, document, expected: 'absent' },
      { op: 'put', kind: 'twin', id, document, expected: 'absent' },
    ]);
    say(id);
  }
}

try {
  lockDataDirectory(directory);
  const store = await openSqliteObjectStore({ file: join(directory, file) });
  say('open');
  if (mode === 'create') await Promise.all([0, 1, 2, 3].map((client) => create(store, client)));
} catch (error) {
  say(`refused ${error.code}: ${error.message}`);
  process.exitCode = 3;
}
