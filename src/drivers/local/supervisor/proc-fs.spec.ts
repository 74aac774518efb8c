import { describe, expect, it } from 'vitest';
import { isRunning, parseStat, readArgv, readStat } from './proc-fs.js';

const rest = '7 42 42 0 -1 4194560 100 0 0 0 5 6 0 0 20 0 11 0 987654 1000 200 18446744073709551615';

describe('parseStat', () => {
  it.each(['sleep', 'a b', 'evil) R 1 2 3', '(x)'])('reads past a program called %j', (name) => {
    expect(parseStat(`41 (${name}) S ${rest}\n`)).toEqual({
      pid: 41,
      runState: 'S',
      processGroup: 42,
      session: 42,
      startTicks: 987654,
    });
  });

  it.each(['', 'x', '41 (sleep', '41 (sleep) S 7 42'])('answers null for %j', (line) => {
    expect(parseStat(line)).toBeNull();
  });
});

describe('this process', () => {
  it('runs, under its start time only', () => {
    const ticks = readStat(process.pid)?.startTicks ?? 0;
    expect(isRunning(process.pid, ticks)).toBe(true);
    expect(isRunning(process.pid, ticks + 1)).toBe(false);
  });

  it('has arguments', () => expect(readArgv(process.pid)?.length).toBeGreaterThan(0));
});
