// Durable creation of endpoints against a bare Fastify route that inserts the same body durably (synchronous=FULL, one
// transaction each). Nothing is installed, so that no Alertmanager configuration is compiled meanwhile.
// Needs a build: node bench/create.mjs
import { join } from 'node:path';
import { endpointInput } from './lib/fill.mjs';
import { compare } from './lib/load.mjs';
import { startGateway, startPeer, withDirectory } from './lib/process.mjs';
import { Report } from './lib/report.mjs';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 7);
const TARGETS = [
  { connections: 1, atLeast: 0.3 },
  { connections: 16, atLeast: 0.8 },
];

const report = new Report('create: POST of a webhook endpoint, on the disk before the answer');

await withDirectory(async (directory) => {
  const dataDir = join(directory, 'data');
  const gateway = startGateway(dataDir);
  await gateway.untilReady();
  const bare = startPeer(import.meta.resolve('./peers/bare-routes.mjs'), join(directory, 'peer.log'), [
    join(dataDir, 'opni.db'),
    join(directory, 'own.db'),
  ]);
  await bare.untilReady();
  const post = (path) => [
    {
      method: 'POST',
      path,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(endpointInput(1)),
    },
  ];
  for (const { connections, atLeast } of TARGETS) {
    const { ours, peer } = await compare(
      { server: gateway, requests: post('/api/v1/alerting/endpoints') },
      { server: bare, requests: post('/one') },
      { connections, rounds: ROUNDS },
    );
    const what = `POST, ${connections} client${connections > 1 ? 's' : ''}`;
    const peerName = 'bare durable insert';
    report.ratio(what, { ours: ours.rate, peer: peer.rate, peerName, unit: '/s', atLeast });
    report.ratio(`${what}: CPU of the server`, {
      ours: ours.cpuUs,
      peer: peer.cpuUs,
      peerName,
      unit: 'us/request',
    });
  }
  await gateway.stop();
  await bare.stop();
});
report.end();
