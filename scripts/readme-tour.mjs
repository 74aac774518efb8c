// Runs the tour of README.md from its own code blocks: `node scripts/readme-tour.mjs [--check] [--json FILE] [README]`. How blocks are
// marked stands in tour-blocks.mjs. The last line of its output is a JSON
// summary; `--json` writes the results of the steps to a file.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { root } from './prepare.mjs';
import { contains, matches, parseTour } from './tour-blocks.mjs';

const OUTPUT_DEADLINE = 60;
const STOP_DEADLINE = 30;

const print = (line) => process.stdout.write(`${line}\n`);
const indent = (text) => text.trim().replace(/^/gm, '    ');

const { values, positionals } = parseArgs({
  options: { check: { type: 'boolean' }, json: { type: 'string' } },
  allowPositionals: true,
});
const file = positionals[0] ?? join(root, 'README.md');
let steps;
try {
  steps = parseTour(readFileSync(file, 'utf8'));
} catch (error) {
  print(`${file}: ${error.message}`);
  process.exit(1);
}
if (values.check) {
  const outputs = steps.reduce((sum, step) => sum + step.outputs.length, 0);
  print(`${file}: ${steps.length} steps with ${outputs} expected outputs`);
  process.exit(0);
}

const work = mkdtempSync(join(tmpdir(), 'opni-tour-'));
const results = [];
let session;
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    void finish().then(() => process.exit(1));
  });
}
try {
  session = startSession();
  for (const [index, step] of steps.entries()) {
    const name = `line ${step.line}: ${step.script.trim().split('\n').at(0)}`;
    const started = Date.now();
    const failure = await runStep(index, step).catch((error) => error.message);
    const seconds = ((Date.now() - started) / 1000).toFixed(1);
    print(`${failure === undefined ? '✓' : '✗'} ${name} (${seconds} s)`);
    results.push({ name, result: failure === undefined ? 'passed' : 'failed' });
    if (failure === undefined) continue;
    print(indent(failure));
    for (const { line } of steps.slice(index + 1)) results.push({ name: `line ${line}`, result: 'skipped' });
    break;
  }
} finally {
  await finish();
}
const count = (wanted) => results.filter(({ result }) => result === wanted).length;
print(JSON.stringify({ passed: count('passed'), failed: count('failed'), skipped: count('skipped') }));
if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(results));
process.exitCode = count('failed') > 0 ? 1 : 0;

/** One bash in its own process group; what the tour starts stays in it and ends with it. */
function startSession() {
  const bash = spawn('bash', ['--noprofile', '--norc'], {
    cwd: root,
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, OPNI_DATA_DIR: join(work, 'data'), OPNI_CONFIG: '' },
  });
  const state = { bash, stdout: '', stderr: '', ended: false };
  bash.stdout.on('data', (chunk) => (state.stdout += chunk));
  bash.stderr.on('data', (chunk) => (state.stderr += chunk));
  bash.stdin.on('error', () => {});
  bash.once('close', () => (state.ended = true));
  return state;
}

/** @returns what went wrong, or undefined */
async function runStep(index, step) {
  const script = join(work, `step-${index}.sh`);
  writeFileSync(script, `${step.script}\n`);
  session.stdout = '';
  session.stderr = '';
  if (step.background !== undefined) {
    const exitCode = join(work, `step-${index}.code`);
    session.bash.stdin.write(
      `{ ( . ${script} ) >${log(step.background)} 2>&1 </dev/null; echo $? >${exitCode}; } &\n`,
    );
    let there = false;
    const decided = async () => {
      const code = readIfThere(exitCode).trim();
      there = await isThere(step.wait, step.background);
      return there || (code !== '' && code !== '0');
    };
    if ((await until(decided, step.deadline)) && !there) {
      return `it ended with exit code ${readIfThere(exitCode).trim()}; it printed:\n${printed(step.background)}`;
    }
    if (!there) {
      return `\`${step.wait}\` was not there after ${step.deadline} s; it printed:\n${printed(step.background)}`;
    }
  } else {
    const marker = `--- end of step ${index}:`;
    session.bash.stdin.write(`set -eo pipefail; . ${script} </dev/null; printf '\\n%s\\n' '${marker}'\n`);
    const over = () => session.ended || session.stdout.includes(marker);
    const inTime = await until(over, step.deadline);
    const [output] = session.stdout.split(`\n${marker}`);
    const seen = `${output}${session.stderr}`;
    if (!inTime) return `it did not end within ${step.deadline} s; it printed:\n${seen}`;
    if (session.ended) return `a command failed; it printed:\n${seen}`;
    session.stdout = output;
  }
  for (const output of step.outputs) {
    const job = output.from ?? step.background;
    if (job === undefined) {
      if (matches(output.text, session.stdout, output.language)) continue;
      return differs(output, session.stdout + session.stderr);
    }
    if (await until(() => contains(output.text, printed(job)), OUTPUT_DEADLINE)) continue;
    return differs(output, printed(job));
  }
  return undefined;
}

function differs(output, actual) {
  return `the output differs from line ${output.line}; expected:\n${indent(output.text)}\nprinted:\n${indent(actual)}`;
}

function log(job) {
  return join(work, `${job}.log`);
}

function printed(job) {
  return readIfThere(log(job));
}

function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

async function isThere(wait, job) {
  if (/^https?:/.test(wait)) {
    const answer = await fetch(wait, { signal: AbortSignal.timeout(2000) }).catch(() => undefined);
    await answer?.body?.cancel();
    return answer?.ok === true;
  }
  if (/^:\d+$/.test(wait)) return accepts(Number(wait.slice(1)));
  return printed(job).includes(wait);
}

function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const answer = (value) => {
      socket.destroy();
      resolve(value);
    };
    socket.setTimeout(2000, () => answer(false));
    socket.once('connect', () => answer(true));
    socket.once('error', () => answer(false));
  });
}

async function until(condition, seconds) {
  const deadline = Date.now() + seconds * 1000;
  while (!(await condition())) {
    if (Date.now() > deadline) return false;
    await sleep(100);
  }
  return true;
}

/** SIGTERM for the whole group, SIGKILL for what is left of it. */
async function finish() {
  if (session?.bash.pid !== undefined) {
    signalGroup('SIGTERM');
    if (!(await until(() => !signalGroup(0), STOP_DEADLINE))) signalGroup('SIGKILL');
  }
  rmSync(work, { recursive: true, force: true });
}

function signalGroup(signal) {
  try {
    return process.kill(-session.bash.pid, signal);
  } catch {
    return false;
  }
}
