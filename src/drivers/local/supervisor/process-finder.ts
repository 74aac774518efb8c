import {
  isOwn,
  isRunning,
  listPids,
  readArgv,
  readBootId,
  readEnvironmentVariable,
  readStat,
} from './proc-fs.js';
import type { ProcessRecord } from './process-record.js';
import { MARKER_VARIABLE, parseMarker, type Marker } from './program.js';

/** A running process that is proven to be ours. */
export interface FoundProcess {
  pid: number;
  startTicks: number;
  processGroup: number;
  argv: string[];
  /** `programHash` of the spec it was started from. */
  program: string;
  /** Process name under which it was started. */
  name: string;
}

/** All running processes that carry a marker of `scope` (and of `name`, if given), descendants of ours included. Reads all of `/proc`. */
export function findMarked(scope: string, name?: string): FoundProcess[] {
  const found: FoundProcess[] = [];
  for (const pid of listPids()) {
    if (pid === process.pid) continue;
    const marker = readMarker(pid);
    if (marker?.scope !== scope || (name !== undefined && marker.name !== name) || !isOwn(pid)) continue;
    const stat = readStat(pid);
    if (stat === null || !isRunning(pid, stat.startTicks)) continue;
    found.push({
      pid,
      startTicks: stat.startTicks,
      processGroup: stat.processGroup,
      argv: readArgv(pid) ?? [],
      program: marker.program,
      name: marker.name,
    });
  }
  return found.sort((a, b) => a.startTicks - b.startTicks || a.pid - b.pid);
}

/** A process that we started, not one that it started: those stay in its group or differ in what they run. */
export function isLeader(found: FoundProcess): boolean {
  return found.pid === found.processGroup;
}

/**
 * The process of a record, if it still runs: same boot, number and start time, and its marker is ours; where it hides
 * or overwrote its environment the arguments must be the recorded ones. Else `null`: the number belongs to a stranger.
 */
export function findRecorded(scope: string, record: ProcessRecord): FoundProcess | null {
  const { pid, startTicks, name } = record;
  if (pid === null || record.bootId !== readBootId() || !isRunning(pid, startTicks)) return null;
  const stat = readStat(pid);
  const argv = readArgv(pid);
  if (stat === null || argv === null) return null;
  const marker = readMarker(pid);
  const ours = marker ? marker.scope === scope && marker.name === name : sameArguments(argv, record.argv);
  if (!ours) return null;
  return {
    pid,
    startTicks,
    processGroup: stat.processGroup,
    argv,
    program: marker?.program ?? record.program,
    name,
  };
}

export function sameArguments(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((each, index) => each === b[index]);
}

function readMarker(pid: number): Marker | null {
  const text = readEnvironmentVariable(pid, MARKER_VARIABLE);
  return text === null ? null : parseMarker(text);
}
