// Packs the project, installs the package into an empty folder and runs `npx opni gateway` there:
// `node scripts/pack-smoke.mjs`. Ends with exit code 0 when /healthz answered and SIGTERM ended it.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { prepare, root } from './prepare.mjs';

const START_DEADLINE = 60_000;
const STOP_DEADLINE = 30_000;

const say = (line) => process.stdout.write(`${line}\n`);
const work = mkdtempSync(join(tmpdir(), 'opni-pack-'));
const children = new Set();

function start(command, args, options) {
  const child = spawn(command, args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'], ...options });
  const over = new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  const run = { child, output: '', over, ended: false };
  const end = () => (run.ended = true);
  over.then(end, end);
  child.stdout.on('data', (chunk) => (run.output += chunk));
  child.stderr.on('data', (chunk) => (run.output += chunk));
  children.add(child);
  return run;
}

async function mustSucceed(command, args, cwd) {
  say(`$ ${command} ${args.join(' ')}`);
  const run = start(command, args, { cwd });
  const { code, signal } = await run.over;
  if (code !== 0) throw new Error(`${command} ended with ${signal ?? code}:\n${run.output}`);
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function answers(url) {
  const answer = await fetch(url, { signal: AbortSignal.timeout(2000) }).catch(() => undefined);
  await answer?.body?.cancel();
  return answer?.status === 200;
}

async function smoke() {
  await prepare({ build: false });
  const folder = join(work, 'empty');
  mkdirSync(folder);
  await mustSucceed('npm', ['pack', '--pack-destination', work], root);
  const [archive] = readdirSync(work).filter((name) => name.endsWith('.tgz'));
  writeFileSync(join(folder, 'package.json'), '{"private":true}\n');
  await mustSucceed('npm', ['install', '--no-audit', '--no-fund', join(work, archive)], folder);

  const url = `http://127.0.0.1:${await freePort()}/healthz`;
  const env = {
    ...process.env,
    OPNI_LISTEN: new URL(url).host,
    OPNI_DATA_DIR: join(work, 'data'),
    OPNI_BOOTSTRAP_INSTALL: '',
  };
  say(`$ npx opni gateway, until ${url} answers`);
  const gateway = start('npx', ['--no-install', 'opni', 'gateway'], { cwd: folder, env });
  const ready = Date.now() + START_DEADLINE;
  while (!(await answers(url))) {
    if (gateway.ended) throw new Error(`the gateway ended:\n${gateway.output}`);
    if (Date.now() > ready) throw new Error(`no answer after ${START_DEADLINE} ms:\n${gateway.output}`);
    await sleep(100);
  }
  // To the group, as a terminal does: npx runs a shell in between, which passes no signal on.
  say('$ kill -TERM');
  process.kill(-Number(gateway.child.pid), 'SIGTERM');
  const gone = Date.now() + STOP_DEADLINE;
  while (!gateway.ended || (await answers(url))) {
    if (Date.now() > gone) throw new Error(`still there after SIGTERM:\n${gateway.output}`);
    await sleep(100);
  }
  say('it answered and ended');
}

function cleanUp() {
  for (const { pid } of children) {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // Nothing of this group is left.
    }
  }
  rmSync(work, { recursive: true, force: true });
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    cleanUp();
    process.exit(1);
  });
}
try {
  await smoke();
} catch (error) {
  say(error.message);
  process.exitCode = 1;
} finally {
  cleanUp();
}
