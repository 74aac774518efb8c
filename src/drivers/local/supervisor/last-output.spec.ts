import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readLastOutput, sanitizeLine } from './last-output.js';

describe('sanitizeLine', () => {
  it.each([
    ['\u001b[1;31mred\u001b[0m', 'red'],
    ['\u001b]0;title\u0007text', 'text'],
    ['ends as on Windows\r', 'ends as on Windows'],
    ['tab\tstays', 'tab\tstays'],
    ['nul\u0000 bell\u0007 c1\u009b', 'nul\ufffd bell\ufffd c1\ufffd'],
    ['abc\u202edcba', 'abc\ufffddcba'],
    ['grüße 🚨', 'grüße 🚨'],
  ])('%j becomes %j', (line, expected) => expect(sanitizeLine(line)).toBe(expected));

  it('cuts long lines', () => expect(sanitizeLine('x'.repeat(5000))).toHaveLength(1001));
});

describe('readLastOutput', () => {
  let directory: string;
  let log: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'opni-output-'));
    log = join(directory, 'x.log');
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('has no lines for a missing or empty file', () => {
    expect(readLastOutput(log, null)).toEqual([]);
    writeFileSync(log, '');
    expect(readLastOutput(log, null)).toEqual([]);
  });

  it('leaves out what an earlier run printed', () => {
    writeFileSync(log, 'old\n# start 1\nolder\n# start 2\nnew\n');
    expect(readLastOutput(log, '# start 2')).toEqual(['new']);
  });

  it('goes on in the rotated file when the current one is short', () => {
    writeFileSync(`${log}.1`, 'one\ntwo\n');
    writeFileSync(log, 'three\nfour');
    expect(readLastOutput(log, '# start')).toEqual(['one', 'two', 'three', 'four']);
  });

  it('reads a bounded part of an endless line', () => {
    writeFileSync(log, 'x'.repeat(1_000_000));
    expect(readLastOutput(log, null)).toEqual([`${'x'.repeat(1000)}…`]);
    appendFileSync(log, '\nend\n');
    expect(readLastOutput(log, null)).toEqual(['end']);
  });
});
