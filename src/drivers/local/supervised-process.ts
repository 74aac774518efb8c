/** A program to keep running. Two specs that differ in command, args, cwd or env are different programs: the old one is replaced. */
export interface ProcessSpec {
  /** Unique in the supervisor, e.g. `controller-0-alertmanager`. */
  name: string;
  command: string;
  args: string[];
  cwd: string;
  /** The whole environment of the child beside the allow-listed variables (PATH, HOME, TZ, LANG, LC_ALL, TMPDIR). */
  env: Record<string, string>;
  /** Both streams are appended here; rotated by copy-and-truncate. */
  logFile: string;
  /** Answers whether the process does its job now; asked about every second until ready, then about every two seconds. */
  ready: (signal: AbortSignal) => Promise<boolean>;
  /** Milliseconds between SIGTERM and SIGKILL of the process group. */
  stopTimeout: number;
}

/**
 * `starting`: runs, not ready yet · `unready`: was ready, stopped answering · `backing-off`: died, is started again at
 * `nextStartAt` · `crash-looping`: so often that a person should look; tried on slowly, and it stays until it is ready.
 */
export type ProcessPhase =
  'starting' | 'ready' | 'unready' | 'backing-off' | 'crash-looping' | 'stopping' | 'stopped';

export interface ProcessExit {
  code: number | null;
  signal: string | null;
  /** RFC 3339. */
  at: string;
}

export interface ProcessState {
  name: string;
  phase: ProcessPhase;
  pid: number | null;
  /** RFC 3339; of the running process. */
  startedAt: string | null;
  /** Starts after the first. */
  restarts: number;
  /** RFC 3339, while backing off. */
  nextStartAt: string | null;
  lastExit: ProcessExit | null;
  /** The last lines it printed before it died (at most 20), empty while it never died. */
  lastOutput: string[];
  /** Whether it was found running from an earlier gateway. */
  adopted: boolean;
  /** Why it could not be started, e.g. `spawn /x ENOENT`. */
  error: string | null;
}
