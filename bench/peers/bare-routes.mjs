// Bare Fastify routes over libsql that do the same to the same data and nothing else: no gate, checks, accounting or log.
//   node bare-routes.mjs <store of the gateway, for reading> <own file, for inserts>
import { randomUUID } from 'node:crypto';
import Fastify from 'fastify';
import Database from 'libsql';

const [storeFile, ownFile] = process.argv.slice(2);
const COLUMNS = 'kind, id, revision, sequence, labels, document, created_at, updated_at';
const KIND = 'endpoint';

const store = new Database(storeFile);
store.exec('PRAGMA query_only=ON');
store.exec('PRAGMA cache_size=-8000');
const one = store.prepare(`SELECT ${COLUMNS} FROM objects WHERE kind = ? AND id = ?`).raw();
const page = store
  .prepare(`SELECT ${COLUMNS} FROM objects WHERE kind = ? AND id > ? ORDER BY kind, id LIMIT ?`)
  .raw();

const own = new Database(ownFile);
own.prepare('PRAGMA journal_mode=WAL').all();
own.exec('PRAGMA synchronous=FULL');
own.exec('CREATE TABLE objects (id text PRIMARY KEY, document text NOT NULL)');
const insert = own.prepare('INSERT INTO objects VALUES (?, ?)');

const app = Fastify();
app.get('/readyz', () => ({ status: 'ok' }));

/** The row's document as it is stored: text in, text out. */
app.get('/one/:id', (request, reply) => {
  reply.header('content-type', 'application/json; charset=utf-8');
  return one.get(KIND, request.params.id)[5];
});

/** What the gateway answers for the same rows, byte for byte. */
app.get('/page', () => {
  const rows = page.all(KIND, '', 101);
  const items = rows.slice(0, 100).map(([, id, revision, , labels, document, createdAt, updatedAt]) => {
    const { block, type, ...rest } = JSON.parse(document);
    block.http_config.authorization.credentials = '***';
    return {
      id,
      revision,
      createdAt,
      updatedAt,
      ...rest,
      labels: JSON.parse(labels),
      type,
      [type]: block,
      status: {
        conditions: [
          {
            type: 'Accepted',
            status: 'Unknown',
            reason: 'NotDelivered',
            message: 'It has not been compiled yet.',
            observedGeneration: revision,
            lastTransitionTime: updatedAt,
          },
        ],
      },
    };
  });
  const [, last] = rows.at(-2);
  return { items, next: Buffer.from(JSON.stringify([1, KIND, last])).toString('base64url') };
});

/** One transaction for each request, on the disk before the answer. */
app.post('/one', (request, reply) => {
  const id = randomUUID();
  insert.run(id, JSON.stringify(request.body));
  reply.code(201);
  return { id, ...request.body };
});

await app.listen({ port: 0, host: '127.0.0.1' });
process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${app.server.address().port}` })}\n`);
process.once('SIGTERM', () => process.exit(0));
