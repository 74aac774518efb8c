import { readFileSync, writeFileSync } from 'node:fs';

/**
 * One line of the result.
 * @typedef {object} Row
 * @property {string} what
 * @property {string} measured median, min to max, unit
 * @property {string} peer what it is compared with, measured in the same run; empty when the target is absolute
 * @property {string} ratio empty when the target is absolute
 * @property {string} target empty when it is only told
 * @property {'PASS' | 'MISS' | ''} verdict
 */

/** @param {number[]} values */
export function median(values) {
  const ordered = values.toSorted((a, b) => a - b);
  const middle = Math.floor(ordered.length / 2);
  return ordered.length % 2 === 1 ? ordered[middle] : (ordered[middle - 1] + ordered[middle]) / 2;
}

/** `median (min-max) unit` @param {number[]} values @param {string} unit @param {number} digits */
function spread(values, unit, digits) {
  const [middle, low, high] = [median(values), Math.min(...values), Math.max(...values)].map((value) =>
    value.toFixed(digits),
  );
  return `${middle} (${low}-${high}) ${unit}`;
}

/** Collects the rows of one benchmark, prints each when it is known, and hands them to run.mjs. */
export class Report {
  /** @type {Row[]} */
  #rows = [];
  #cpu = machineCpu();

  /** @param {string} name */
  constructor(name) {
    print(`\n${name}`);
  }

  /**
   * Ratios are taken round by round, of two measurements next to each other, and their median counts.
   * @param {string} what
   * @param {{ours: number[], peer: number[], peerName: string, unit: string, digits?: number, atMost?: number, atLeast?: number}} figures
   */
  ratio(what, { ours, peer, peerName, unit, digits = 0, atMost, atLeast }) {
    const ratios = ours.map((value, round) => value / peer[round]);
    const value = median(ratios);
    this.#add({
      what,
      measured: spread(ours, unit, digits),
      peer: `${peerName}: ${spread(peer, unit, digits)}`,
      ratio: `${spread(ratios, '', 2).trimEnd()}x`.replace(/^(\S+) \((.*)\)x$/, '$1x ($2)'),
      ...verdictOf(value, atMost, atLeast, 'x', 1),
    });
  }

  /**
   * @param {string} what
   * @param {{values: number[], unit: string, digits?: number, atMost?: number}} figures
   */
  absolute(what, { values, unit, digits = 0, atMost }) {
    this.#add({
      what,
      measured: spread(values, unit, digits),
      peer: '',
      ratio: '',
      ...verdictOf(median(values), atMost, undefined, ` ${unit}`, digits),
    });
  }

  /** Says how busy the machine was, which tells how far the absolute figures can be trusted. */
  end() {
    const { busy, total } = machineCpu();
    const share = (100 * (busy - this.#cpu.busy)) / (total - this.#cpu.total);
    print(`  (the processors were busy for ${share.toFixed(0)} % of this benchmark, its own load included)`);
    const file = process.env['BENCH_ROWS_FILE'];
    if (file) writeFileSync(file, JSON.stringify(this.#rows));
  }

  /** @param {Row} row */
  #add(row) {
    this.#rows.push(row);
    const comparison = row.peer && ` | ${row.peer} | ${row.ratio}`;
    const target = row.target && ` | target ${row.target}: ${row.verdict}`;
    print(`  ${row.what}: ${row.measured}${comparison}${target}`);
  }
}

/**
 * @param {number} value @param {number | undefined} atMost @param {number | undefined} atLeast
 * @param {string} unit @param {number} digits
 * @returns {{target: string, verdict: Row['verdict']}}
 */
function verdictOf(value, atMost, atLeast, unit, digits) {
  if (atMost !== undefined) {
    return { target: `<= ${atMost.toFixed(digits)}${unit}`, verdict: value <= atMost ? 'PASS' : 'MISS' };
  }
  if (atLeast !== undefined) {
    return { target: `>= ${atLeast.toFixed(digits)}${unit}`, verdict: value >= atLeast ? 'PASS' : 'MISS' };
  }
  return { target: '', verdict: '' };
}

/** @param {string} line */
export function print(line) {
  process.stdout.write(`${line}\n`);
}

function machineCpu() {
  const [user, nice, system, idle, wait, ...rest] = readFileSync('/proc/stat', 'utf8')
    .split('\n', 1)[0]
    .split(/\s+/)
    .slice(1, 9)
    .map(Number);
  const busy = user + nice + system + rest.reduce((sum, value) => sum + value, 0);
  return { busy, total: busy + idle + wait };
}
