// `npm test`: prepares the checkout, then runs vitest. First argument: the projects, separated by commas; the rest goes to vitest.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { prepare, root, say } from './prepare.mjs';

const [projects = '', ...rest] = process.argv.slice(2);
try {
  await prepare({ build: projects !== 'unit' });
} catch (error) {
  say(error.message);
  process.exit(1);
}
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const selected = projects.split(',').flatMap((project) => ['--project', project]);
const run = spawn(process.execPath, [vitest, 'run', ...selected, ...rest], { cwd: root, stdio: 'inherit' });
// A terminal's Ctrl-C reaches vitest by itself; it needs the time to clean up.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => run.kill('SIGTERM'));
run.once('error', (error) => {
  say(`vitest could not be started: ${error.message}`);
  process.exit(1);
});
run.once('exit', (code, signal) => process.exit(signal === null ? code : 1));
