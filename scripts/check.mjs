// `npm run check [-- --json FILE]`: every check that reads files, one after the other, each with its result.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { prepare, root, say } from './prepare.mjs';

/** Names of scripts in package.json. */
const checks = [
  'format:check',
  'lint',
  'types',
  'boundaries',
  'dead-code',
  'openapi:check',
  'openapi:lint',
  'readme:check',
];

const { values } = parseArgs({ options: { json: { type: 'string' } } });
const results = [];

async function check(name, work) {
  const started = Date.now();
  const failure = await work();
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  results.push({ name, result: failure === undefined ? 'passed' : 'failed' });
  process.stdout.write(`${failure === undefined ? '✓' : '✗'} ${name} (${seconds} s)\n`);
  if (failure !== undefined) process.stdout.write(`${failure.trim().replace(/^/gm, '    ')}\n`);
}

function npmRun(name) {
  return new Promise((resolve) => {
    const child = spawn('npm', ['run', '--silent', name], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    const output = [];
    child.stdout.on('data', (chunk) => output.push(chunk));
    child.stderr.on('data', (chunk) => output.push(chunk));
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code) =>
      resolve(code === 0 ? undefined : Buffer.concat(output).toString() || `exit code ${code}`),
    );
  });
}

try {
  await prepare({ build: false });
} catch (error) {
  say(error.message);
  process.exit(1);
}
await check('build', () =>
  prepare().then(
    () => undefined,
    (error) => error.message,
  ),
);
for (const name of checks) await check(name, () => npmRun(name));

const failed = results.filter(({ result }) => result === 'failed').map(({ name }) => name);
if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(results));
process.stdout.write(
  failed.length === 0
    ? `all ${results.length} checks passed\n`
    : `${failed.length} of ${results.length} checks failed: ${failed.join(', ')}; run one with npm run <name>\n`,
);
process.exit(failed.length === 0 ? 0 : 1);
