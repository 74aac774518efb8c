import type { WatchedProcess } from './watched-process.js';

/** What is known of a process that we started or took over. */
export interface Started {
  process: WatchedProcess;
  /** `programHash` of the spec it was started from. */
  program: string;
  argv: string[];
  /** RFC 3339. */
  startedAt: string;
  logFile: string;
  adopted: boolean;
}

/** A process under supervision until it ends. */
export interface RunningProcess extends Started {
  /** Resolved by `end`. */
  ended: Promise<void>;
  end: () => void;
  /** Ends the readiness questions. */
  readiness: AbortController;
}

export function runningProcess(started: Started): RunningProcess {
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  return { ...started, ended, end, readiness: new AbortController() };
}
