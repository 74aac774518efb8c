// Counts what a run of `.ci/run` left in a folder: `node scripts/count-results.mjs DIR`. Prints every failure by name, then
// `N passed, N failed, N skipped`; exit code 1 when something failed or nothing passed.
//
// | file | content |
// |---|---|
// | `*.vitest.json` | a report of vitest's JSON reporter: one count per test; a file that could not be loaded is one failure |
// | `*.results.json` | `[{ name, result }]`, result `passed`, `failed` or `skipped` |
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.argv[2];
const counts = { passed: 0, failed: 0, skipped: 0 };

function count(result, name) {
  counts[result] += 1;
  if (result !== 'passed') process.stdout.write(`${result}: ${name}\n`);
}

function countVitest({ testResults }) {
  const vitestStates = { passed: 'passed', failed: 'failed' };
  for (const { name, status, assertionResults } of testResults) {
    for (const test of assertionResults) count(vitestStates[test.status] ?? 'skipped', test.fullName);
    const explained = assertionResults.some((test) => test.status === 'failed');
    if (status === 'failed' && !explained) count('failed', `${name} (the file itself)`);
  }
}

for (const file of readdirSync(folder).toSorted()) {
  if (!file.endsWith('.json')) continue;
  try {
    const content = JSON.parse(readFileSync(join(folder, file), 'utf8'));
    if (file.endsWith('.vitest.json')) countVitest(content);
    else for (const { name, result } of content) count(result, name);
  } catch (error) {
    count('failed', `${file} cannot be read (${error.message})`);
  }
}
process.stdout.write(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`);
process.exitCode = counts.failed > 0 || counts.passed === 0 ? 1 : 0;
