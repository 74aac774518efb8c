import { join } from 'node:path';
import { SystemClock, type Clock } from '../../platform/clock.js';
import { DomainError, messageOf, notFound } from '../../platform/errors.js';
import { ensurePrivateDirectory } from '../../platform/files/private-directory.js';
import type { ProcessSpec, ProcessState } from './supervised-process.js';
import { rotateLog } from './supervisor/log-rotation.js';
import { ManagedProcess } from './supervisor/managed-process.js';
import { stopLegacy } from './supervisor/orphan.js';
import { findMarked } from './supervisor/process-finder.js';
import { ProcessRecords } from './supervisor/process-record.js';
import { checkProcessName, scopeOf } from './supervisor/program.js';
import { untilReady } from './supervisor/until-ready.js';
import {
  settingsOf,
  SILENT,
  type SupervisorLogger,
  type SupervisorOptions,
  type SupervisorSettings,
} from './supervisor/supervisor-options.js';

interface Opened {
  scope: string;
  records: ProcessRecords;
}

/**
 * Keeps programs running, over its own death too: they live on when the gateway is killed, and the next gateway with
 * the same state directory takes them over or replaces them. See `docs/process-supervisor.md`.
 *
 * Whoever owns it must see to it that no second gateway uses the state directory, and call `dispose` in the end.
 */
export class ProcessSupervisor {
  readonly #options: SupervisorOptions;
  readonly #settings: SupervisorSettings;
  readonly #clock: Clock;
  readonly #logger: SupervisorLogger;
  readonly #processes = new Map<string, ManagedProcess>();
  readonly #listeners = new Set<(state: ProcessState) => void>();
  #opening: Promise<Opened> | undefined;
  #rotation: NodeJS.Timeout | undefined;
  #disposed = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#settings = settingsOf(options);
    this.#clock = options.clock ?? new SystemClock();
    this.#logger = options.logger ?? SILENT;
  }

  /**
   * Makes the program run. The same program again: nothing happens. Another program under this name: the old one is
   * stopped gracefully first. The first call for a name takes over what an earlier gateway left.
   *
   * Resolves when it was started, not when it is ready. A program that cannot be started is no rejection: the state
   * says why, and it is tried again.
   * @throws DomainError when the state directory cannot be used, the name is invalid, or the old program does not end
   */
  async ensure(spec: ProcessSpec): Promise<void> {
    checkProcessName(spec.name);
    const { scope, records } = await this.#open();
    this.#refuseWhenDisposed();
    let managed = this.#processes.get(spec.name);
    if (!managed) {
      managed = new ManagedProcess(spec, {
        scope,
        records,
        settings: this.#settings,
        clock: this.#clock,
        logger: this.#logger,
        onChange: (state) => this.#tell(state),
      });
      this.#processes.set(spec.name, managed);
    }
    await managed.ensure(spec);
  }

  /** Stops the program gracefully and starts it again. @throws DomainError `not-found` */
  async restart(name: string): Promise<void> {
    const managed = this.#processes.get(name);
    if (!managed) throw notFound('process', name);
    await managed.restart();
  }

  /** Stops the program gracefully and forgets it, whoever started it; an unknown name is fine. */
  async remove(name: string): Promise<void> {
    checkProcessName(name);
    const { scope, records } = await this.#open();
    const managed = this.#processes.get(name);
    if (!managed) return stopLegacy({ scope, name }, records, this.#logger, this.#clock.now());
    await managed.stop();
    // Somebody may have asked for it again while it stopped.
    if (!managed.isWanted) this.#processes.delete(name);
  }

  /** Removes every program but these, those of earlier gateways included. */
  async removeUnlisted(names: readonly string[]): Promise<void> {
    const unlisted = (await this.names()).filter((name) => !names.includes(name));
    await this.#all(unlisted, (name) => this.remove(name));
  }

  /** Of every program that runs or ran, those of earlier gateways that nobody has asked for yet included. */
  async names(): Promise<string[]> {
    const { scope, records } = await this.#open();
    const found = findMarked(scope).map(({ name }) => name);
    return [...new Set([...this.#processes.keys(), ...(await records.names()), ...found])];
  }

  states(): ProcessState[] {
    return [...this.#processes.values()].map((managed) => managed.state);
  }

  /** `undefined` for a name that was never ensured, or was removed. */
  state(name: string): ProcessState | undefined {
    return this.#processes.get(name)?.state;
  }

  /** Tells every change of a state. @returns what ends it */
  onChange(listener: (state: ProcessState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Resolves as soon as the program is ready.
   * @throws DomainError `process-not-ready` when `signal` aborts, `process-crash-looping` and `process-stopped` at once
   */
  untilReady(name: string, { signal }: { signal: AbortSignal }): Promise<void> {
    return untilReady(this, name, signal);
  }

  /**
   * Stops every program gracefully: those in `order` one after the other, then all others at once. Their states stay,
   * as `stopped`; `ensure` starts one again.
   * @throws the first error, after all were tried
   */
  async stopAll(order: readonly string[] = []): Promise<void> {
    const stop = async (name: string): Promise<void> => this.#processes.get(name)?.stop();
    const errors: unknown[] = [];
    for (const name of order) await stop(name).catch((error: unknown) => errors.push(error));
    const others = [...this.#processes.keys()].filter((name) => !order.includes(name));
    await this.#all(others, stop).catch((error: unknown) => errors.push(error));
    if (errors.length > 0) throw errors[0];
  }

  /** Ends the supervision and leaves the programs as they are; `stopAll` comes before it where they should end. */
  dispose(): void {
    this.#disposed = true;
    clearTimeout(this.#rotation);
    for (const managed of this.#processes.values()) managed.release();
    this.#listeners.clear();
  }

  #open(): Promise<Opened> {
    this.#refuseWhenDisposed();
    this.#opening ??= this.#prepare().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  async #prepare(): Promise<Opened> {
    const directory = join(this.#options.stateDir, 'processes');
    await ensurePrivateDirectory(this.#options.stateDir);
    await ensurePrivateDirectory(directory);
    this.#scheduleRotation();
    return { scope: scopeOf(this.#options.stateDir), records: new ProcessRecords(directory) };
  }

  #scheduleRotation(): void {
    if (this.#disposed) return;
    clearTimeout(this.#rotation);
    this.#rotation = setTimeout(() => {
      void this.#rotateLogs().finally(() => this.#scheduleRotation());
    }, this.#settings.logRotation.interval);
  }

  async #rotateLogs(): Promise<void> {
    for (const logFile of new Set([...this.#processes.values()].map((managed) => managed.logFile))) {
      await rotateLog(logFile, this.#settings.logRotation).catch((error: unknown) => {
        this.#logger.warn({ logFile, reason: messageOf(error) }, 'A log file could not be rotated');
      });
    }
  }

  async #all(names: readonly string[], act: (name: string) => Promise<void>): Promise<void> {
    const results = await Promise.allSettled(names.map(act));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }

  #tell(state: ProcessState): void {
    for (const listener of this.#listeners) {
      try {
        listener(state);
      } catch (error) {
        this.#logger.error({ process: state.name, err: error }, 'A listener of process states failed');
      }
    }
  }

  #refuseWhenDisposed(): void {
    if (!this.#disposed) return;
    throw new DomainError({
      category: 'unavailable',
      code: 'supervisor-disposed',
      detail: 'The process supervisor was shut down; nothing is started or stopped any more.',
    });
  }
}
