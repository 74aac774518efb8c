import type { Clock } from '../../../platform/clock.js';
import { messageOf } from '../../../platform/errors.js';
import { SerialQueue } from '../serial-queue.js';
import type { ProcessExit, ProcessPhase, ProcessSpec, ProcessState } from '../supervised-process.js';
import { readLastOutput } from './last-output.js';
import { readArgv, readBootId, readStat } from './proc-fs.js';
import { findLegacy } from './orphan.js';
import { killMarked, killRestOfGroup, stopProcess } from './process-group.js';
import type { ProcessRecord, ProcessRecords } from './process-record.js';
import { programHash } from './program.js';
import { watchReadiness } from './readiness.js';
import { runningProcess, type RunningProcess, type Started } from './running-process.js';
import { RestartSchedule } from './restart-schedule.js';
import { spawnProcess, startLine } from './spawn-process.js';
import type { SupervisorLogger, SupervisorSettings } from './supervisor-options.js';
import { watchAdopted, watchChild, type ExitStatus } from './watched-process.js';

export interface ManagedProcessContext {
  scope: string;
  records: ProcessRecords;
  settings: SupervisorSettings;
  clock: Clock;
  logger: SupervisorLogger;
  onChange: (state: ProcessState) => void;
}

/** One program that is kept running: its state, and its operations one after another. */
export class ManagedProcess {
  readonly #context: ManagedProcessContext;
  #spec: ProcessSpec;
  #running: RunningProcess | null = null;
  #phase: ProcessPhase = 'stopped';
  #restarts = 0;
  #started = false;
  #lookedForLegacy = false;
  #lastExit: ProcessExit | null = null;
  #lastOutput: string[] = [];
  #error: string | null = null;
  #released = false;
  #wanted = false;
  readonly #queue = new SerialQueue();
  readonly #schedule: RestartSchedule;

  constructor(spec: ProcessSpec, context: ManagedProcessContext) {
    this.#spec = spec;
    this.#context = context;
    const { settings, clock } = context;
    this.#schedule = new RestartSchedule(settings.restart, settings.random, clock, () =>
      this.#inBackground(() => this.#startAfterWaiting()),
    );
  }

  get state(): ProcessState {
    return {
      name: this.#spec.name,
      phase: this.#phase,
      pid: this.#running?.process.pid ?? null,
      startedAt: this.#running?.startedAt ?? null,
      restarts: this.#restarts,
      nextStartAt: this.#schedule.nextStartAt,
      lastExit: this.#lastExit,
      lastOutput: [...this.#lastOutput],
      adopted: this.#running?.adopted ?? false,
      error: this.#error,
    };
  }

  /** Whether the last that was asked of it is to run. */
  get isWanted(): boolean {
    return this.#wanted;
  }

  /** Where the running program prints to, else where the next one will. */
  get logFile(): string {
    return this.#running?.logFile ?? this.#spec.logFile;
  }

  /** Makes `spec` the program that runs. Resolves when it was started, adopted or found running, or waits for its next try. */
  ensure(spec: ProcessSpec): Promise<void> {
    this.#wanted = true;
    return this.#queue.run(async () => {
      const changed = programHash(spec) !== programHash(this.#spec);
      this.#spec = spec;
      if (!this.#lookedForLegacy) await this.#takeOver();
      const isRight = this.#running?.program === programHash(spec) && this.#phase !== 'stopping';
      if (this.#running && isRight) return;
      if (this.#running) await this.#stopRunning();
      else if (this.#schedule.nextStartAt !== null && !changed) return;
      this.#schedule.forget();
      await this.#start();
    });
  }

  restart(): Promise<void> {
    return this.#queue.run(async () => {
      await this.#stopRunning();
      this.#schedule.forget();
      await this.#start();
    });
  }

  /** Stops it and keeps it stopped until the next `ensure`. */
  stop(): Promise<void> {
    this.#wanted = false;
    return this.#queue.run(async () => {
      this.#schedule.cancel();
      await this.#stopRunning();
      await killMarked(this.#owner);
      await this.#context.records.delete(this.#spec.name);
      this.#setPhase('stopped');
    });
  }

  /** Forgets the process and lets it run. */
  release(): void {
    this.#released = true;
    this.#schedule.cancel();
    this.#running?.readiness.abort();
    this.#running?.process.unwatch();
    this.#running?.end();
  }

  get #owner(): { scope: string; name: string } {
    return { scope: this.#context.scope, name: this.#spec.name };
  }

  async #takeOver(): Promise<void> {
    const { records, logger, clock, settings } = this.#context;
    const { record, process } = await findLegacy(this.#owner, records, logger, clock.now());
    this.#lookedForLegacy = true;
    this.#started = record !== undefined || process !== null;
    if (record) {
      this.#restarts = record.restarts;
      this.#lastExit = record.lastExit;
      this.#lastOutput = record.lastOutput;
    }
    if (process) {
      const { pid, startTicks, program, argv, startedAt } = process;
      const logFile = record?.logFile ?? this.#spec.logFile;
      const watched = watchAdopted(pid, startTicks, settings.adoptedPollInterval);
      this.#watch({ process: watched, program, argv, startedAt, logFile, adopted: true });
      logger.info({ process: this.#spec.name, pid }, 'Took over a process from before');
      await this.#save();
    } else if (record && record.pid !== null) {
      this.#lastExit = { code: null, signal: null, at: clock.timestamp() };
      this.#lastOutput = readLastOutput(record.logFile, startLine(record.name, record.startedAt));
      logger.warn({ process: record.name, pid: record.pid }, 'A process from before has ended unseen');
    }
  }

  async #start(): Promise<void> {
    this.#schedule.cancel();
    if (this.#released) return;
    const spec = this.#spec;
    const program = programHash(spec);
    try {
      await killMarked(this.#owner);
      if (this.#released) return;
      const startedAt = this.#context.clock.timestamp();
      const child = await spawnProcess(spec, { ...this.#owner, program }, startedAt);
      if (this.#started) this.#restarts += 1;
      this.#started = true;
      const watched = watchChild(child, readStat(child.pid)?.startTicks ?? 0);
      const argv = readArgv(child.pid) ?? [];
      this.#watch({ process: watched, program, argv, startedAt, logFile: spec.logFile, adopted: false });
      this.#context.logger.info({ process: spec.name, pid: child.pid }, 'Started a process');
    } catch (error) {
      this.#error = messageOf(error);
      this.#context.logger.error(
        { process: spec.name, reason: this.#error },
        'A process could not be started',
      );
      this.#startLater(0);
    }
    await this.#save();
  }

  #watch(started: Started): void {
    if (this.#released) return started.process.unwatch();
    const running = runningProcess(started);
    this.#running = running;
    this.#error = null;
    running.process.onExit((status) => this.#onExit(running, status));
    // In a crash loop every start looks hopeful for a moment; it is over when the program is ready.
    this.#setPhase(this.#schedule.isCrashLooping ? 'crash-looping' : 'starting');
    void watchReadiness(
      (signal) => this.#spec.ready(signal),
      (ready) => this.#setPhase(ready ? 'ready' : 'unready'),
      running.readiness.signal,
      this.#context.settings.readiness,
    );
  }

  #onExit(running: RunningProcess, { code, signal }: ExitStatus): void {
    running.readiness.abort();
    running.process.unwatch();
    this.#running = null;
    const now = this.#context.clock.now();
    this.#lastExit = { code, signal, at: new Date(now).toISOString() };
    running.end();
    if (this.#phase === 'stopping') return;
    if (!running.adopted) killRestOfGroup(running.process.pid);
    this.#lastOutput = readLastOutput(running.logFile, startLine(this.#spec.name, running.startedAt));
    const fields = { process: this.#spec.name, pid: running.process.pid, code, signal };
    this.#context.logger.warn(fields, 'A process ended unasked');
    this.#startLater(now - Date.parse(running.startedAt));
    this.#inBackground(async () => {
      await this.#save();
      // What it left behind, unless something before us in the queue has started its successor.
      if (this.#running === null) await killMarked(this.#owner);
    });
  }

  #startLater(ranFor: number): void {
    if (this.#released) return;
    this.#schedule.afterDeath(ranFor);
    this.#setPhase(this.#schedule.isCrashLooping ? 'crash-looping' : 'backing-off');
  }

  /** Something else in the queue may have started or stopped it in the meantime. */
  async #startAfterWaiting(): Promise<void> {
    if (this.#running === null && this.#schedule.nextStartAt !== null) await this.#start();
  }

  async #stopRunning(): Promise<void> {
    this.#schedule.cancel();
    const running = this.#running;
    if (running === null) return;
    running.readiness.abort();
    this.#setPhase('stopping');
    try {
      await stopProcess(running.process, this.#owner, this.#spec.stopTimeout);
    } catch (error) {
      this.#error = messageOf(error);
      this.#setPhase('stopping');
      throw error;
    }
    await running.ended;
  }

  /** Best effort: what cannot be written (a full disk) is found by its marker. */
  async #save(): Promise<void> {
    const running = this.#running;
    const record: ProcessRecord = {
      name: this.#spec.name,
      pid: running?.process.pid ?? null,
      bootId: readBootId(),
      startTicks: running?.process.startTicks ?? 0,
      argv: running?.argv ?? [],
      program: running?.program ?? programHash(this.#spec),
      startedAt: running?.startedAt ?? this.#context.clock.timestamp(),
      logFile: this.logFile,
      stopTimeout: this.#spec.stopTimeout,
      restarts: this.#restarts,
      lastExit: this.#lastExit,
      lastOutput: this.#lastOutput,
    };
    try {
      await this.#context.records.write(record);
    } catch (error) {
      this.#context.logger.warn(
        { process: record.name, reason: messageOf(error) },
        'The record of a process could not be written',
      );
    }
  }

  #setPhase(phase: ProcessPhase): void {
    this.#phase = phase;
    if (!this.#released) this.#context.onChange(this.state);
  }

  #inBackground(operation: () => Promise<void>): void {
    this.#queue.run(operation).catch((error: unknown) => {
      this.#context.logger.error(
        { process: this.#spec.name, reason: messageOf(error) },
        'Supervision met an obstacle',
      );
    });
  }
}
