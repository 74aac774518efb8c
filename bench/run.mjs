// Runs benchmarks one after the other and ends with one table: node bench/run.mjs [name…]; needs a build.
// A benchmark tells, it does not judge: a missed target is no failure, only what could not be measured is.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { print } from './lib/report.mjs';

const ALL = ['start', 'companion', 'read', 'create', 'open'];
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !ALL.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`There is no benchmark ${unknown.join(', ')}. There are: ${ALL.join(', ')}.\n`);
  process.exit(2);
}
if (!existsSync(new URL('../dist/main.js', import.meta.url)) && !process.env['BENCH_DIST']) {
  process.stderr.write('There is no build. Run npm run build first.\n');
  process.exit(2);
}

print(
  `Node ${process.version}, ${cpus().length} processors (${cpus()[0]?.model ?? 'unknown'}), load before the start ${loadavg()[0]?.toFixed(2)}`,
);
const directory = mkdtempSync(join(tmpdir(), 'opni-bench-run-'));
const rows = [];
try {
  for (const name of wanted.length > 0 ? wanted : ALL) {
    const file = join(directory, `${name}.json`);
    const script = fileURLToPath(new URL(`./${name}.mjs`, import.meta.url));
    const child = spawn(process.execPath, [script], {
      stdio: 'inherit',
      env: { ...process.env, BENCH_ROWS_FILE: file },
    });
    const [code] = await once(child, 'exit');
    if (code === 0) rows.push(...JSON.parse(readFileSync(file, 'utf8')).map((row) => ({ name, ...row })));
    else process.exitCode = 1;
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}

print('\n| benchmark | what | measured: median (min-max) | peer, same run | ratio | target | |');
print('|---|---|---|---|---|---|---|');
for (const { name, what, measured, peer, ratio, target, verdict } of rows) {
  print(`| ${name} | ${what} | ${measured} | ${peer} | ${ratio} | ${target} | ${verdict} |`);
}
const misses = rows.filter(({ verdict }) => verdict === 'MISS').length;
const met = rows.filter(({ verdict }) => verdict === 'PASS').length;
print(`\n${met} targets met, ${misses} missed`);
