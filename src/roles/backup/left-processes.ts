import { readFileSync } from 'node:fs';
import { listPids } from '../../drivers/local/supervisor/proc-fs.js';

/** Other processes that have a path below `directory` among their arguments. */
export function processesBelow(directory: string): number[] {
  return listPids().filter((pid) => {
    if (pid === process.pid) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`${directory}/`);
    } catch {
      // It has ended, or belongs to somebody else.
      return false;
    }
  });
}
