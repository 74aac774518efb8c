import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const LINES = 20;
const BYTES = 16 * 1024;
const LINE_LENGTH = 1000;

/** Terminal escape sequences: CSI, OSC (ended by BEL or ST), and two-character ones. */
// oxlint-disable-next-line no-control-regex
const ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[ -/]*[0-~])/g;
/** Control characters but the tab, and the ones that reorder text on a screen. */
// oxlint-disable-next-line no-control-regex
const CONTROLS = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/**
 * The last lines (at most 20, at most 16 KiB) of a log file, safe to show: no terminal escapes, no control
 * characters, long lines cut. Reads back to `startLine` at most, the line that was written when the process started.
 * An unreadable file has no lines.
 */
export function readLastOutput(logFile: string, startLine: string | null): string[] {
  const current = tail(logFile);
  const lines = current.length < LINES ? [...tail(`${logFile}.1`), ...current] : current;
  const start = startLine === null ? -1 : lines.lastIndexOf(startLine);
  return lines
    .slice(start + 1)
    .slice(-LINES)
    .map(sanitizeLine);
}

export function sanitizeLine(line: string): string {
  const clean = line.replace(ESCAPES, '').replace(/\r$/, '').replace(CONTROLS, '\ufffd');
  return clean.length > LINE_LENGTH ? `${clean.slice(0, LINE_LENGTH)}…` : clean;
}

function tail(path: string): string[] {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, 'r');
    const size = fstatSync(descriptor).size;
    const from = Math.max(0, size - BYTES);
    const buffer = Buffer.alloc(Math.min(size, BYTES));
    const read = readSync(descriptor, buffer, 0, buffer.length, from);
    const lines = buffer.toString('utf8', 0, read).split('\n');
    if (lines.at(-1) === '') lines.pop();
    // A first line without its beginning misleads, unless it is all there is.
    if (from > 0 && lines.length > 1) lines.shift();
    return lines;
  } catch {
    return [];
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
