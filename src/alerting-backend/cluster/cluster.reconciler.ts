import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type BeforeApplicationShutdown,
} from '@nestjs/common';
import { DomainError, messageOf } from '../../platform/errors.js';
import { atStep, failed, hasEnded, succeeded } from '../../platform/operations/operation.js';
import { OperationsService } from '../../platform/operations/operations.service.js';
import { Reconciler, type ReconcileResult } from '../../platform/reconciler/reconciler.js';
import { StoreTrigger } from '../../platform/reconciler/store-trigger.js';
import { ObjectStore, type Change, type StoredObject } from '../../platform/store/object-store.js';
import { AlertingDriver, type AlertingObservation } from '../alerting-driver.js';
import { ConfigSyncService } from '../config-sync/config-sync.service.js';
import { ENDPOINT_KIND } from '../endpoints/endpoint.js';
import { INSTALLATION_ID, INSTALLATION_KIND, presetOf, type Installation } from './installation.js';

/** How often drift is looked for when nothing is known to have changed. */
const RESYNC_MS = 15_000;
/** How often to look again while something is not as it should be. */
const UNSETTLED_MS = 500;

/** Brings the running Alertmanagers, and the configuration they run, to what the store says. */
@Injectable()
export class ClusterReconciler implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #logger = new Logger(ClusterReconciler.name);
  readonly #reconciler = new Reconciler({
    name: 'alerting cluster',
    reconcile: (_key, signal) => this.#reconcile(signal),
    onError: (_key, error, retryIn) =>
      this.#logger.warn(
        `The alerting backend could not be reconciled: ${messageOf(error)}. Next try in ${retryIn} ms.`,
      ),
  });
  #trigger: StoreTrigger | undefined;
  #unwatch: (() => void) | undefined;
  /** Progress notes are written one after the other. */
  #notes: Promise<void> = Promise.resolve();
  #lastError: string | null = null;
  #passes = 0;
  /** The pass that runs, and the revision of the installation that it works towards. */
  #pass: { generation: number; abort: AbortController } | undefined;

  constructor(
    private readonly store: ObjectStore,
    private readonly driver: AlertingDriver,
    private readonly operations: OperationsService,
    private readonly configSync: ConfigSyncService,
  ) {}

  /** Whether at least one whole pass ended, well or not: what `/readyz` waits for. */
  get observed(): boolean {
    return this.#passes > 0;
  }

  /** Why the last pass failed; null when it did not. */
  get lastError(): string | null {
    return this.#lastError;
  }

  onApplicationBootstrap(): void {
    this.#unwatch = this.driver.watch(() => this.#request());
    this.#trigger = new StoreTrigger({
      store: this.store,
      kinds: [INSTALLATION_KIND, ENDPOINT_KIND],
      onChange: (change) => {
        this.configSync.invalidate();
        if (change?.object.kind === INSTALLATION_KIND) this.#superseded(change as Change<Installation>);
        this.#request();
      },
      onError: (message) => this.#logger.warn(`Watching the store failed: ${message}`),
    });
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#unwatch?.();
    await this.#trigger?.stop();
    await this.#reconciler.stop();
    await this.#notes;
  }

  /** Stops the pass that works towards another state than the one that is wanted now. */
  #superseded({ object }: Change<Installation>): void {
    if (this.#pass && this.#pass.generation < object.revision) {
      this.#pass.abort.abort(new Error('something else is wanted now'));
    }
  }

  #request(): void {
    this.#reconciler.request(INSTALLATION_ID);
  }

  async #reconcile(stopping: AbortSignal): Promise<ReconcileResult> {
    const abort = new AbortController();
    const { signal } = abort;
    const stop = (): void => abort.abort(stopping.reason);
    if (stopping.aborted) stop();
    stopping.addEventListener('abort', stop, { once: true });
    // Before it reads: a change in between stops it, too.
    this.#pass = { generation: 0, abort };
    const installation = await this.store.get<Installation>(INSTALLATION_KIND, INSTALLATION_ID);
    this.#pass.generation = installation?.revision ?? 0;
    try {
      signal.throwIfAborted();
      const result = await this.#converge(installation, signal);
      this.#lastError = null;
      return result;
    } catch (error) {
      // The change that made it obsolete has asked for the next pass already.
      if (signal.aborted && !stopping.aborted) return { done: true };
      this.#lastError = messageOf(error);
      // What is not known to be final is tried again under the same operation.
      if (installation && !signal.aborted && error instanceof DomainError && error.category !== 'timeout') {
        await this.#fail(installation.document.operationId, error);
      }
      throw error;
    } finally {
      stopping.removeEventListener('abort', stop);
      this.#pass = undefined;
      this.#passes += 1;
    }
  }

  async #converge(
    installation: StoredObject<Installation> | undefined,
    signal: AbortSignal,
  ): Promise<ReconcileResult> {
    if (!installation) return { done: true };
    const { state, operationId, preset, deleteData } = installation.document;
    const note = (step: string, message: string): void => this.#note(operationId, step, message);

    if (state === 'uninstalled') {
      const operation = await this.operations.find(operationId);
      if (!operation || hasEnded(operation.document)) return { done: true };
      note('stop-members', 'stopping');
      await this.driver.remove({ deleteData, signal });
      await this.#finish(operationId);
      return { done: true };
    }

    await this.driver.apply(presetOf(preset).spec, { signal, onProgress: note });
    const observation = await this.driver.observe();
    const settled = await this.#deliver(preset, observation, signal, note);
    if (!settled) {
      const broken = observation.workloads.find((workload) => workload.reason === 'CrashLoop');
      if (broken) {
        await this.#fail(
          operationId,
          new DomainError({ category: 'unavailable', code: 'member-crashes', detail: broken.message ?? '' }),
        );
      }
      return { requeueAfter: UNSETTLED_MS };
    }
    await this.#finish(operationId);
    return { requeueAfter: RESYNC_MS };
  }

  /** @returns whether all members are ready and run the newest configuration */
  async #deliver(
    preset: string,
    observation: AlertingObservation,
    signal: AbortSignal,
    note: (step: string, message: string) => void,
  ): Promise<boolean> {
    const waiting = observation.workloads.find((workload) => workload.ready < workload.desired);
    if (waiting)
      note(
        'start-members',
        waiting.message ?? `${waiting.ready} of ${waiting.desired} ${waiting.name} are ready`,
      );
    else note('deliver-configuration', 'delivering the configuration to every member');
    const routing = await this.configSync.compile(preset);
    const delivered = await this.configSync.deliver(routing, observation.members, signal);
    return delivered && waiting === undefined;
  }

  #note(operationId: string, step: string, message: string): void {
    this.#notes = this.#notes.then(() => this.#record(operationId, step, message));
  }

  async #record(operationId: string, step: string, message: string): Promise<void> {
    try {
      const known = await this.operations.find(operationId);
      if (!known || hasEnded(known.document)) return;
      await this.operations.update(operationId, (operation, now) => atStep(operation, step, message, now));
    } catch (error) {
      this.#logger.warn(`Progress was not recorded: ${messageOf(error)}`);
    }
  }

  async #finish(operationId: string): Promise<void> {
    await this.#notes;
    await this.#end(operationId, (operation, now) => succeeded(operation, now));
  }

  async #fail(operationId: string, error: unknown): Promise<void> {
    const code = error instanceof DomainError ? error.code : 'internal';
    await this.#notes;
    await this.#end(operationId, (operation, now) =>
      failed(operation, { code, detail: messageOf(error) }, now),
    );
  }

  async #end(operationId: string, change: Parameters<OperationsService['update']>[1]): Promise<void> {
    if (await this.operations.find(operationId)) await this.operations.update(operationId, change);
  }
}
