// Reading one endpoint among 100,000, and a page of 100, against bare Fastify routes over the same SQLite file.
// Needs a build: node bench/read.mjs
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { fillWithEndpoints, OBJECTS } from './lib/fill.mjs';
import { compare } from './lib/load.mjs';
import { get, startGateway, startPeer, withDirectory } from './lib/process.mjs';
import { Report } from './lib/report.mjs';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5);
const CONNECTIONS = 16;
const SAMPLE = 1000;
const ENDPOINTS = '/api/v1/alerting/endpoints';

const report = new Report(`read: ${OBJECTS} stored endpoints, ${CONNECTIONS} connections`);

await withDirectory(async (directory) => {
  const dataDir = join(directory, 'data');
  const first = startGateway(dataDir);
  await first.untilReady();
  await first.stop();
  const ids = await fillWithEndpoints(dataDir, OBJECTS);

  const gateway = startGateway(dataDir);
  await gateway.untilReady();
  const bare = startPeer(import.meta.resolve('./peers/bare-routes.mjs'), join(directory, 'peer.log'), [
    join(dataDir, 'opni.db'),
    join(directory, 'own.db'),
  ]);
  await bare.untilReady();

  const sample = Array.from({ length: SAMPLE }, (_, index) => ids[(index * 7919) % ids.length]);
  const one = await compare(
    { server: gateway, requests: sample.map((id) => ({ path: `${ENDPOINTS}/${id}` })) },
    { server: bare, requests: sample.map((id) => ({ path: `/one/${id}` })) },
    { connections: CONNECTIONS, rounds: ROUNDS },
  );
  tell('GET one', one, 'bare route, row sent as stored');

  const pages = await Promise.all([get(`${gateway.url}${ENDPOINTS}`), get(`${bare.url}/page`)]);
  const [ours, theirs] = pages.map(({ text }) => JSON.parse(text));
  if (!isDeepStrictEqual(ours, theirs)) {
    throw new Error(
      `The peer's page is another:\n${JSON.stringify(ours.items[0])}\n${JSON.stringify(theirs.items[0])}\n${ours.next}\n${theirs.next}`,
    );
  }
  const page = await compare(
    { server: gateway, requests: [{ path: ENDPOINTS }] },
    { server: bare, requests: [{ path: '/page' }] },
    { connections: CONNECTIONS, rounds: ROUNDS },
  );
  tell('GET a page of 100', page, 'bare route, same SELECT and same JSON');
  await gateway.stop();
  await bare.stop();
});
report.end();

/** @param {string} what @param {Awaited<ReturnType<typeof compare>>} figures @param {string} peerName */
function tell(what, { ours, peer }, peerName) {
  report.ratio(what, { ours: ours.rate, peer: peer.rate, peerName, unit: '/s', atLeast: 0.5 });
  report.ratio(`${what}: CPU of the server`, {
    ours: ours.cpuUs,
    peer: peer.cpuUs,
    peerName,
    unit: 'us/request',
  });
}
