import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { corruptFile, readJsonFile, writeJsonFile } from '../../../platform/files/json-file.js';
import type { ProcessExit } from '../supervised-process.js';

/** What outlives the gateway about one process. The process itself is found by its marker even without it. */
export interface ProcessRecord {
  name: string;
  /** `null` between two starts. */
  pid: number | null;
  bootId: string;
  startTicks: number;
  /** As `/proc` showed it just after the start. */
  argv: string[];
  /** `programHash` of its spec. */
  program: string;
  /** RFC 3339. */
  startedAt: string;
  logFile: string;
  stopTimeout: number;
  restarts: number;
  lastExit: ProcessExit | null;
  lastOutput: string[];
}

/** One JSON file per process, `<directory>/<name>.json`, 0600. The directory must exist. */
export class ProcessRecords {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * `undefined` when there is none.
   * @throws DomainError `file-corrupt`, or why it cannot be read
   */
  async read(name: string): Promise<ProcessRecord | undefined> {
    const path = this.#path(name);
    const value = await readJsonFile(path);
    if (value === undefined) return undefined;
    if (!isRecord(value) || value.name !== name) throw corruptFile(path, 'it is not the record of a process');
    return value;
  }

  async write(record: ProcessRecord): Promise<void> {
    await writeJsonFile(this.#path(record.name), record);
  }

  async delete(name: string): Promise<void> {
    await rm(this.#path(name), { force: true });
  }

  async names(): Promise<string[]> {
    const files = await readdir(this.#directory);
    return files
      .filter((file) => /^[a-z0-9].*\.json$/.test(file))
      .map((file) => file.slice(0, -'.json'.length));
  }

  #path(name: string): string {
    return join(this.#directory, `${name}.json`);
  }
}

function isRecord(value: unknown): value is ProcessRecord {
  if (typeof value !== 'object' || value === null) return false;
  const {
    name,
    pid,
    bootId,
    startTicks,
    argv,
    program,
    startedAt,
    logFile,
    stopTimeout,
    restarts,
    lastOutput,
  } = value as Record<string, unknown>;
  return (
    typeof name === 'string' &&
    (pid === null || (Number.isSafeInteger(pid) && (pid as number) > 1)) &&
    typeof bootId === 'string' &&
    Number.isSafeInteger(startTicks) &&
    isStrings(argv) &&
    typeof program === 'string' &&
    typeof startedAt === 'string' &&
    typeof logFile === 'string' &&
    typeof stopTimeout === 'number' &&
    Number.isSafeInteger(restarts) &&
    isStrings(lastOutput)
  );
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}
