// What the companion beside every Alertmanager costs: its start, its memory, and its processor time while nothing happens.
// Needs a build: node bench/companion.mjs
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  alertmanagerEnvironment,
  cpuMs,
  DIST,
  get,
  rssMiB,
  Server,
  startGateway,
  startPeer,
  withDirectory,
} from './lib/process.mjs';
import { Report } from './lib/report.mjs';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 9);
const IDLE_SECONDS = 30;

const report = new Report('companion: beside a real Alertmanager under a gateway');

await withDirectory(async (directory) => {
  const dataDir = join(directory, 'data');
  const gateway = startGateway(dataDir, await alertmanagerEnvironment());
  await gateway.untilReady();
  const deadline = Date.now() + 60_000;
  for (;;) {
    const { text } = await get(`${gateway.url}/api/v1/alerting/status`);
    if (text !== '' && JSON.parse(text).appState === 'running') break;
    if (Date.now() > deadline) throw new Error(`Alertmanager does not run: ${text}`);
    await sleep(50);
  }
  const { pid, args } = companionOf(dataDir);
  await sleep(3_000);
  const resident = [];
  const idle = [];
  for (let part = 0; part < 3; part++) {
    const [cpu, at] = [cpuMs(pid), performance.now()];
    await sleep((IDLE_SECONDS * 1000) / 3);
    idle.push((100 * (cpuMs(pid) - cpu)) / (performance.now() - at));
    resident.push(rssMiB(pid));
  }
  await gateway.stop();

  // As the gateway started it, with what it left on the disk.
  const { probeListen } = JSON.parse(readFileSync(args.at(-1), 'utf8'));
  const own = { ms: [], cpuMs: [] };
  const peer = { ms: [], cpuMs: [] };
  for (let round = 0; round < ROUNDS; round++) {
    const bare = startPeer(import.meta.resolve('./peers/empty-http.mjs'), join(directory, 'peer.log'));
    await bare.untilReady();
    peer.ms.push(bare.ready.ms);
    peer.cpuMs.push(bare.ready.cpuMs);
    await bare.stop();
    const companion = new Server(args, {}, join(directory, 'companion.log'));
    await companion.untilAnswers(`http://${probeListen}/readyz`);
    own.ms.push(companion.ready.ms);
    own.cpuMs.push(companion.ready.cpuMs);
    await companion.stop();
  }
  const name = 'empty node:http server';
  report.absolute('ready', { values: own.ms.map((ms) => ms / 1000), unit: 's', digits: 2, atMost: 0.4 });
  report.ratio('ready', { ours: own.ms, peer: peer.ms, peerName: name, unit: 'ms' });
  report.ratio('CPU until ready', { ours: own.cpuMs, peer: peer.cpuMs, peerName: name, unit: 'ms CPU' });
  report.absolute('RSS while idle', { values: resident, unit: 'MiB', atMost: 80 * (1e6 / 2 ** 20) });
  report.absolute(`CPU while idle, ${IDLE_SECONDS} s in three parts`, {
    values: idle,
    unit: '%',
    digits: 2,
    atMost: 0.5,
  });
});
report.end();

/** @param {string} dataDir @returns {{pid: number, args: string[]}} arguments of node */
function companionOf(dataDir) {
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    let args;
    try {
      args = readFileSync(`/proc/${entry}/cmdline`, 'utf8').split('\0').slice(0, -1);
    } catch {
      continue;
    }
    if (args.includes('alertmanager-companion') && args.at(-1)?.startsWith(dataDir)) {
      return { pid: Number(entry), args: args.slice(1) };
    }
  }
  throw new Error(`No companion of ${dataDir} runs (build: ${DIST}).`);
}
