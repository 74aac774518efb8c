import { readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isTemporaryName, readIfExists, writeDurably } from '../durable-files.js';
import { syncDirectory, temporaryName, writeFileAtomic } from '../../platform/files/atomic-file.js';
import { isRecord } from '../http/parse-json.js';

export interface Refused {
  sha256: string;
  reason: string;
  at: string;
}

/** What is remembered beside the configuration itself; losing it loses nothing that matters. */
export interface SyncerState {
  /** Which canonical configuration `appliedAt` is about. */
  sha256: string | null;
  /** RFC 3339. */
  appliedAt: string | null;
  refused: Refused | null;
}

export const EMPTY_STATE: SyncerState = { sha256: null, appliedAt: null, refused: null };

/** The syncer's files in the data directory. Each is replaced as a whole or not at all. */
export class ConfigFiles {
  /** What Alertmanager reads. */
  readonly alertmanagerYml: string;
  readonly #canonical: string;
  readonly #state: string;

  constructor(readonly dataDir: string) {
    this.alertmanagerYml = join(dataDir, 'alertmanager.yml');
    this.#canonical = join(dataDir, 'canonical.json');
    this.#state = join(dataDir, 'syncer-state.json');
  }

  readAlertmanagerYml(): Promise<Buffer | null> {
    return readIfExists(this.alertmanagerYml);
  }

  writeAlertmanagerYml(text: Uint8Array | string): Promise<void> {
    return writeFileAtomic(this.alertmanagerYml, text);
  }

  /** Writes a candidate beside `alertmanager.yml`; nothing reads it until it is put in place. */
  async writeCandidate(text: string): Promise<string> {
    const path = temporaryName(this.alertmanagerYml);
    await writeDurably(path, text);
    return path;
  }

  async putInPlace(candidate: string): Promise<void> {
    await rename(candidate, this.alertmanagerYml);
    await syncDirectory(dirname(this.alertmanagerYml));
  }

  discard(candidate: string): Promise<void> {
    return rm(candidate, { force: true });
  }

  /** The last configuration that Alertmanager was seen to run, as it was received. */
  readCanonical(): Promise<Buffer | null> {
    return readIfExists(this.#canonical);
  }

  writeCanonical(bytes: Uint8Array): Promise<void> {
    return writeFileAtomic(this.#canonical, bytes);
  }

  async readState(): Promise<SyncerState> {
    const bytes = await readIfExists(this.#state);
    try {
      const value: unknown = JSON.parse(bytes?.toString('utf8') ?? '');
      return isRecord(value) ? { ...EMPTY_STATE, ...value } : EMPTY_STATE;
    } catch {
      return EMPTY_STATE;
    }
  }

  writeState(state: SyncerState): Promise<void> {
    return writeFileAtomic(this.#state, `${JSON.stringify(state)}\n`);
  }

  /** Removes what a killed companion left half-written. */
  async sweep(): Promise<void> {
    for (const name of await readdir(this.dataDir)) {
      if (isTemporaryName(name)) await rm(join(this.dataDir, name), { force: true });
    }
  }
}
