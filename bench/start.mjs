// How long a start takes and what it leaves in memory, against an empty Nest + Fastify + Swagger application that is
// started the same way. Needs a build: node bench/start.mjs
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  alertmanagerEnvironment,
  get,
  rssMiB,
  startGateway,
  startPeer,
  withDirectory,
} from './lib/process.mjs';
import { Report } from './lib/report.mjs';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 9);
const MEMORY_ROUNDS = Math.ceil(ROUNDS / 3);
const SETTLE = 3_000;
const IDLE = 15_000;
const PEER = 'empty Nest + Fastify + Swagger';

const report = new Report('start: node dist/main.js gateway, nothing installed, until /readyz answers 200');

await withDirectory(async (directory) => {
  const used = join(directory, 'used');
  const log = join(directory, 'peer.log');
  const first = startGateway(used);
  await first.untilReady();
  await first.stop();
  // The files of both are in the page cache before anything counts.
  const warm = startPeer(import.meta.resolve('./peers/empty-nest.mjs'), log);
  await warm.untilReady();
  await warm.stop();

  const series = () => ({ ms: /** @type {number[]} */ ([]), cpuMs: /** @type {number[]} */ ([]) });
  const fresh = series();
  const existing = series();
  const peer = series();
  for (let round = 0; round < ROUNDS; round++) {
    const starts = [
      { into: peer, start: () => startPeer(import.meta.resolve('./peers/empty-nest.mjs'), log) },
      { into: fresh, start: () => startGateway(join(directory, `new-${round}`)) },
      { into: existing, start: () => startGateway(used) },
    ];
    for (const { into, start } of round % 2 === 0 ? starts : starts.toReversed()) {
      const server = start();
      const { ready } = await server.untilReady();
      into.ms.push(ready.ms);
      into.cpuMs.push(ready.cpuMs);
      await server.stop();
    }
  }
  const time = { peerName: PEER, unit: 'ms', atMost: 1.6 };
  report.ratio('ready, new data directory', { ours: fresh.ms, peer: peer.ms, ...time });
  report.ratio('ready, existing data directory', { ours: existing.ms, peer: peer.ms, ...time });
  const cpu = { peerName: PEER, unit: 'ms CPU' };
  report.ratio('CPU until ready, new data directory', { ours: fresh.cpuMs, peer: peer.cpuMs, ...cpu });
  report.ratio('CPU until ready, existing data directory', {
    ours: existing.cpuMs,
    peer: peer.cpuMs,
    ...cpu,
  });

  const memory = { ours: { settled: [], idle: [] }, peer: { settled: [], idle: [] } };
  for (let round = 0; round < MEMORY_ROUNDS; round++) {
    const data = join(directory, `memory-${round}`);
    cpSync(used, data, { recursive: true });
    const pair = {
      ours: startGateway(data),
      peer: startPeer(import.meta.resolve('./peers/empty-nest.mjs'), log),
    };
    for (const side of ['ours', 'peer']) await pair[side].untilReady();
    for (const [moment, wait] of [
      ['settled', SETTLE],
      ['idle', IDLE - SETTLE],
    ]) {
      await sleep(wait);
      for (const side of ['ours', 'peer']) memory[side][moment].push(rssMiB(pair[side].pid));
    }
    for (const side of ['ours', 'peer']) await pair[side].stop();
  }
  const rss = { peerName: PEER, unit: 'MiB', atMost: 1.3 };
  report.ratio(`RSS ${SETTLE / 1000} s after ready`, {
    ours: memory.ours.settled,
    peer: memory.peer.settled,
    ...rss,
  });
  report.ratio(`RSS ${IDLE / 1000} s after ready`, {
    ours: memory.ours.idle,
    peer: memory.peer.idle,
    ...rss,
  });

  const environment = await alertmanagerEnvironment();
  const running = [];
  for (let round = 0; round < MEMORY_ROUNDS; round++) {
    const gateway = startGateway(join(directory, `standalone-${round}`), environment);
    await gateway.untilReady();
    const deadline = Date.now() + 60_000;
    for (;;) {
      const { text } = await get(`${gateway.url}/api/v1/alerting/status`);
      if (text !== '' && JSON.parse(text).appState === 'running') break;
      if (Date.now() > deadline) throw new Error(`Alertmanager does not run: ${text}`);
      await sleep(10);
    }
    running.push(gateway.age / 1000);
    await gateway.stop();
  }
  report.absolute('standalone Alertmanager runs (appState), new data directory', {
    values: running,
    unit: 's',
    digits: 2,
    atMost: 3,
  });
});
report.end();
