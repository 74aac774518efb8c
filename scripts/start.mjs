// `npm start`: prepares the checkout, then runs the gateway in the foreground. Arguments go to the gateway.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { prepare, root, say } from './prepare.mjs';

try {
  await prepare();
} catch (error) {
  say(error.message);
  process.exit(1);
}
say('starting the gateway');
const args = [join(root, 'dist', 'main.js'), 'gateway', ...process.argv.slice(2)];
const gateway = spawn(process.execPath, args, { stdio: 'inherit' });

/** Whether the terminal sends its signals (Ctrl-C, hang-up) to the gateway too: we are in its foreground group. */
function terminalSignalsAll() {
  try {
    const stat = readFileSync('/proc/self/stat', 'utf8');
    const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return group === foreground;
  } catch {
    return false;
  }
}

const forwardedAt = new Map();
function forward(signal) {
  if (signal !== 'SIGTERM' && terminalSignalsAll()) return;
  const last = forwardedAt.get(signal);
  // npm passes on what its group has received as well: one request to stop arrives twice.
  if (last !== undefined && Date.now() - last < 2000) return;
  forwardedAt.set(signal, Date.now());
  gateway.kill(signal);
}
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
for (const signal of signals) process.on(signal, forward);

gateway.once('error', (error) => {
  say(`the gateway could not be started: ${error.message}`);
  process.exit(1);
});
gateway.once('exit', (code, signal) => {
  if (signal === null) process.exit(code);
  for (const name of signals) process.removeAllListeners(name);
  process.kill(process.pid, signal);
});
