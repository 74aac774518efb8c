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
import { specOf, timingOf } from '../configuration/alerting-configuration.js';
import { AlertingDocuments, CONFIGURATION_KIND } from '../configuration/alerting-documents.js';
import { enforceableSpec } from '../configuration/enforceable.js';
import { ConfigSyncService } from '../config-sync/config-sync.service.js';
import { ENDPOINT_KIND } from '../endpoints/endpoint.js';
import type { NotificationTiming } from '../routing/routing-compiler.js';
import { INSTALLATION_ID, INSTALLATION_KIND, operationIdsOf, type Installation } from './installation.js';

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
  /** The pass that runs, and the installation that it works towards once it has read it. */
  #pass: { installation?: StoredObject<Installation> | undefined; abort: AbortController } | undefined;

  constructor(
    private readonly store: ObjectStore,
    private readonly driver: AlertingDriver,
    private readonly operations: OperationsService,
    private readonly configSync: ConfigSyncService,
    private readonly documents: AlertingDocuments,
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
      kinds: [INSTALLATION_KIND, CONFIGURATION_KIND, ENDPOINT_KIND],
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
    const before = this.#pass?.installation;
    if (!this.#pass || (before && before.revision >= object.revision)) return;
    // A new configuration is for the next pass: it must not end a download or build that it needs, too.
    const { state, deleteData } = object.document;
    if (before?.document.state === state && before.document.deleteData === deleteData) return;
    this.#pass.abort.abort(new Error('something else is wanted now'));
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
    this.#pass = { abort };
    const installation = await this.store.get<Installation>(INSTALLATION_KIND, INSTALLATION_ID);
    this.#pass.installation = installation;
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
        await this.#fail(operationIdsOf(installation.document), error);
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
    const { state, operationId, deleteData } = installation.document;
    // What they wait for was written with them, and is read below: no older configuration can end them.
    const operationIds = operationIdsOf(installation.document);
    const note = (step: string, message: string): void => this.#note(operationIds, step, message);

    if (state === 'uninstalled') {
      const operation = await this.operations.find(operationId);
      if (!operation || hasEnded(operation.document)) return { done: true };
      note('stop-members', 'stopping');
      await this.driver.remove({ deleteData, signal });
      await this.#finish(operationIds);
      return { done: true };
    }

    const { document } = await this.documents.effective();
    const { spec } = enforceableSpec(specOf(document), (wanted) => this.driver.supports(wanted));
    await this.driver.apply(spec, { signal, onProgress: note });
    const observation = await this.driver.observe();
    const settled = await this.#deliver(timingOf(document), observation, signal, note);
    if (!settled) {
      const broken = observation.workloads.find((workload) => workload.reason === 'CrashLoop');
      if (broken) {
        await this.#fail(
          operationIds,
          new DomainError({ category: 'unavailable', code: 'member-crashes', detail: broken.message ?? '' }),
        );
      }
      return { requeueAfter: UNSETTLED_MS };
    }
    await this.#finish(operationIds);
    return { requeueAfter: RESYNC_MS };
  }

  /** @returns whether all members are ready and run the newest configuration */
  async #deliver(
    timing: NotificationTiming,
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
    const routing = await this.configSync.compile(timing);
    const delivered = await this.configSync.deliver(routing, observation.members, signal);
    return delivered && waiting === undefined;
  }

  #note(operationIds: string[], step: string, message: string): void {
    for (const id of operationIds) this.#notes = this.#notes.then(() => this.#record(id, step, message));
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

  async #finish(operationIds: string[]): Promise<void> {
    await this.#notes;
    await this.#end(operationIds, (operation, now) => succeeded(operation, now));
  }

  async #fail(operationIds: string[], error: unknown): Promise<void> {
    const code = error instanceof DomainError ? error.code : 'internal';
    await this.#notes;
    await this.#end(operationIds, (operation, now) =>
      failed(operation, { code, detail: messageOf(error) }, now),
    );
  }

  async #end(operationIds: string[], change: Parameters<OperationsService['update']>[1]): Promise<void> {
    for (const id of operationIds) {
      if (await this.operations.find(id)) await this.operations.update(id, change);
    }
  }
}
