import type { ChildProcess } from 'node:child_process';
import { isRunning } from './proc-fs.js';

export interface ExitStatus {
  code: number | null;
  signal: string | null;
}

/** A running process whose end we notice. */
export interface WatchedProcess {
  readonly pid: number;
  readonly startTicks: number;
  /** Never called again after `unwatch`; otherwise once. */
  onExit: (listener: (status: ExitStatus) => void) => void;
  /** Forgets the process without touching it. */
  unwatch: () => void;
}

/** A child of ours: the kernel tells us how it ended. */
export function watchChild(child: ChildProcess & { pid: number }, startTicks: number): WatchedProcess {
  // 'error' after the start means a signal that could not be sent; whoever sends signals handles that.
  child.on('error', () => undefined);
  return {
    pid: child.pid,
    startTicks,
    onExit: (listener) => {
      // It may have ended before anyone asked.
      if (child.exitCode !== null || child.signalCode !== null) {
        queueMicrotask(() => listener({ code: child.exitCode, signal: child.signalCode }));
      } else child.once('exit', (code, signal) => listener({ code, signal }));
    },
    unwatch: () => {
      child.removeAllListeners('exit');
      child.unref();
    },
  };
}

/** Somebody else's child, from an earlier gateway: we look every `interval` milliseconds and never learn its exit code. */
export function watchAdopted(pid: number, startTicks: number, interval: number): WatchedProcess {
  let timer: NodeJS.Timeout | undefined;
  return {
    pid,
    startTicks,
    onExit: (listener) => {
      timer = setInterval(() => {
        if (isRunning(pid, startTicks)) return;
        clearInterval(timer);
        listener({ code: null, signal: null });
      }, interval);
    },
    unwatch: () => clearInterval(timer),
  };
}
