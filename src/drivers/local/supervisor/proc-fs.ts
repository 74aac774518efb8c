import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';

/** What `/proc/<pid>/stat` says (proc_pid_stat(5)). */
export interface ProcessStat {
  pid: number;
  /** `R`, `S`, `D`, `T` (stopped), `Z` (dead, not reaped yet), … */
  runState: string;
  processGroup: number;
  session: number;
  /** Clock ticks after boot; with the boot id and the pid it names one process for ever. */
  startTicks: number;
}

/** Linux fixes the unit of `/proc` times at 100 ticks a second for programs. */
const TICKS_PER_SECOND = 100;

/** Parses a `stat` line; the program's name may itself contain spaces and parentheses. */
export function parseStat(line: string): ProcessStat | null {
  const close = line.lastIndexOf(')');
  const pid = Number.parseInt(line, 10);
  const fields = line.slice(close + 2).split(' ');
  // fields[0] is field 3 of the manual page.
  const [runState, , processGroup, session] = fields;
  const startTicks = Number(fields[19]);
  if (close < 0 || !Number.isInteger(pid) || !runState || !Number.isInteger(startTicks)) return null;
  return { pid, runState, processGroup: Number(processGroup), session: Number(session), startTicks };
}

/** `null` when there is no such process. */
export function readStat(pid: number): ProcessStat | null {
  const line = readProcFile(`/proc/${pid}/stat`);
  return line === null ? null : parseStat(line);
}

/** Runs, and is the process that started at `startTicks`, not a later one with its number. A zombie does not run. */
export function isRunning(pid: number, startTicks: number): boolean {
  const stat = readStat(pid);
  return stat !== null && stat.startTicks === startTicks && stat.runState !== 'Z' && stat.runState !== 'X';
}

/** The arguments, the program's own name first; empty for zombies, `null` when it cannot be read. */
export function readArgv(pid: number): string[] | null {
  const text = readProcFile(`/proc/${pid}/cmdline`);
  return text === null ? null : splitAtNul(text);
}

/** One variable of the environment the process was started with; `null` when absent or not ours to read. */
export function readEnvironmentVariable(pid: number, name: string): string | null {
  const text = readProcFile(`/proc/${pid}/environ`);
  const entry = text === null ? undefined : splitAtNul(text).find((each) => each.startsWith(`${name}=`));
  return entry === undefined ? null : entry.slice(name.length + 1);
}

/** Whether it belongs to this user and lives in this PID namespace: a container's processes are not ours. */
export function isOwn(pid: number): boolean {
  try {
    return (
      statSync(`/proc/${pid}`).uid === process.geteuid?.() &&
      readlinkSync(`/proc/${pid}/ns/pid`) === readlinkSync('/proc/self/ns/pid')
    );
  } catch {
    return false;
  }
}

export function listPids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^[1-9][0-9]*$/.test(name))
    .map(Number);
}

/** Changes with every boot of the machine. */
export function readBootId(): string {
  return (readProcFile('/proc/sys/kernel/random/boot_id') ?? 'unknown').trim();
}

/** Milliseconds since the epoch at which a process with these ticks started, given the time now. */
export function startTimeOf(startTicks: number, now: number): number {
  const uptime = Number.parseFloat(readProcFile('/proc/uptime') ?? '');
  return Number.isFinite(uptime)
    ? Math.round(now - uptime * 1000 + (startTicks / TICKS_PER_SECOND) * 1000)
    : now;
}

function splitAtNul(text: string): string[] {
  const parts = text.split('\0');
  if (parts.at(-1) === '') parts.pop();
  return parts;
}

/** A process may end between any two reads, which is no error here. */
function readProcFile(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
