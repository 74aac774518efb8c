// Brings a checkout into the state that `npm start` and `npm test` need: Node's version, dependencies, build.
// Uses Node alone, because it runs before anything is installed.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withLock } from './lock.mjs';

/** The top folder of the checkout. */
export const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');

const buildStamp = join(root, 'dist', '.built-from');
const compiled = join(root, 'dist', 'main.js');

/** Prints one line about the preparation; on stderr, so that the output of what follows stays clean. */
export function say(line) {
  process.stderr.write(`opni: ${line}\n`);
}

/** Whether a Node version such as `20.19.3` satisfies `engines` of package.json. */
export function nodeIsSupported(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return (major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22;
}

/** Ends the process with an explanation when Node is too old to run what follows. */
export function checkNode() {
  if (nodeIsSupported(process.versions.node)) return;
  say(`Node ${process.versions.node} is too old: 20.19 or newer in its line, or 22.12 or newer, is needed.`);
  say('Install one (nodejs.org, or your version manager) and try again.');
  process.exit(1);
}

/**
 * Installs what the lockfile names and builds what the sources say; does nothing when both are up to date. Concurrent
 * callers wait for each other. Throws an Error that says what failed and what to do.
 */
export async function prepare({ build = true } = {}) {
  checkNode();
  const upToDate = () => isInstalled() && (!build || isBuilt());
  if (upToDate()) return;
  await withLock(
    join(root, '.prepare-lock'),
    async () => {
      if (!isInstalled()) await install();
      if (build && !isBuilt()) await compile();
    },
    (owner) => say(`waiting for another preparation of this checkout (process ${owner}) to finish`),
  );
}

/** Compares what npm recorded about `node_modules` with the lockfile: same packages, same versions, same contents. */
export function isInstalled() {
  const wanted = readJson(join(root, 'package-lock.json'))?.packages;
  const present = readJson(join(root, 'node_modules', '.package-lock.json'))?.packages;
  if (!wanted || !present) return false;
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '') continue;
    const installed = present[path];
    if (!installed) {
      if (entry.optional || entry.devOptional) continue;
      return false;
    }
    if (installed.version !== entry.version || installed.integrity !== entry.integrity) return false;
  }
  return true;
}

async function install() {
  const npm = process.env.npm_execpath;
  const [command, ...first] = npm?.endsWith('.js') ? [process.execPath, npm] : ['npm'];
  await run('installing dependencies with `npm ci`', 'about a minute the first time', command, [
    ...first,
    'ci',
    '--include=dev',
    // None of them needs its install script; the one that has one reports usage.
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
  ]);
}

function isBuilt() {
  if (!existsSync(compiled)) return false;
  try {
    return readFileSync(buildStamp, 'utf8') === sourcesHash();
  } catch {
    return false;
  }
}

async function compile() {
  const hash = sourcesHash();
  const nest = join(root, 'node_modules', '@nestjs', 'cli', 'bin', 'nest.js');
  await run('building', 'about 5 seconds', process.execPath, [nest, 'build']);
  if (!existsSync(compiled)) throw new Error('the build ended without an error but made no dist/main.js');
  writeFileSync(buildStamp, hash);
}

/** Of everything the build reads. */
function sourcesHash() {
  const settings = [
    'package.json',
    'package-lock.json',
    'nest-cli.json',
    'tsconfig.json',
    'tsconfig.build.json',
  ];
  const files = settings.map((name) => join(root, name));
  for (const entry of readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.endsWith('.spec.ts')) continue;
    files.push(join(entry.parentPath ?? entry.path, entry.name));
  }
  const hash = createHash('sha256');
  for (const file of files.toSorted((a, b) => (a < b ? -1 : 1))) {
    const content = readFileSync(file);
    hash.update(`${relative(root, file)}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

/** Runs a step quietly, says every few seconds that it still works, and shows its output when it fails. */
async function run(what, howLong, command, args) {
  say(`${what} (${howLong})`);
  const started = Date.now();
  const seconds = () => Math.round((Date.now() - started) / 1000);
  const progress = setInterval(() => say(`still ${what}, ${seconds()} s`), 5000);
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = [];
  child.stdout.on('data', (chunk) => output.push(chunk));
  child.stderr.on('data', (chunk) => output.push(chunk));
  const stop = (signal) => child.kill(signal);
  process.on('SIGINT', stop).on('SIGTERM', stop);
  try {
    const [code, signal] = await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (...exit) => resolve(exit));
    });
    if (code === 0) return say(`done ${what}, ${seconds()} s`);
    process.stderr.write(Buffer.concat(output));
    throw new Error(`${what} failed (${signal ?? `exit code ${code}`}); its output is above`);
  } finally {
    clearInterval(progress);
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}
