import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DomainError, invalid } from '../../platform/errors.js';
import { hasEnded, succeeded, type Operation } from '../../platform/operations/operation.js';
import { OperationCancellers, operationEnded } from '../../platform/operations/operation-cancellers.js';
import { OperationsService, type PlannedOperation } from '../../platform/operations/operations.service.js';
import { ObjectStore, type StoredObject } from '../../platform/store/object-store.js';
import { DesiredAlertingSpec, type AlertingSpec } from '../alerting-driver.js';
import {
  DEFAULT_PRESET,
  INSTALL_OPERATION,
  INSTALL_STEPS,
  INSTALLATION_ID,
  INSTALLATION_KIND,
  presetOf,
  PRESETS,
  UNINSTALL_OPERATION,
  UNINSTALL_STEPS,
  type Installation,
} from './installation.js';

const TARGET = '/api/v1/alerting/installation';

/** Decides what shall be installed. The cluster reconciler makes it so and moves the operation on. */
@Injectable()
export class InstallationService extends DesiredAlertingSpec implements OnModuleInit {
  constructor(
    private readonly store: ObjectStore,
    private readonly operations: OperationsService,
    private readonly cancellers: OperationCancellers,
  ) {
    super();
  }

  onModuleInit(): void {
    this.cancellers.add(INSTALL_OPERATION, (operation) => this.#cancelInstall(operation));
  }

  override async desiredSpec(): Promise<AlertingSpec | undefined> {
    const installation = await this.current();
    return installation?.document.state === 'installed'
      ? presetOf(installation.document.preset).spec
      : undefined;
  }

  current(): Promise<StoredObject<Installation> | undefined> {
    return this.store.get<Installation>(INSTALLATION_KIND, INSTALLATION_ID);
  }

  /** The operation that installs; when it is installed already, one that has succeeded. */
  async install(preset = DEFAULT_PRESET): Promise<StoredObject<Operation>> {
    if (!PRESETS.some(({ name }) => name === preset)) {
      const known = PRESETS.map(({ name }) => `"${name}"`).join(', ');
      const detail = `There is no preset "${preset}". Known: ${known}.`;
      throw invalid(detail, [{ pointer: '/preset', code: 'unknown-preset', detail }]);
    }
    return this.#decide({ state: 'installed', preset, deleteData: false }, (done) =>
      this.operations.plan(INSTALL_OPERATION, TARGET, [...INSTALL_STEPS], done ? succeeded : undefined),
    );
  }

  /** The operation that uninstalls; when nothing is installed, one that has succeeded. */
  async uninstall(deleteData: boolean): Promise<StoredObject<Operation>> {
    return this.#decide({ state: 'uninstalled', preset: DEFAULT_PRESET, deleteData }, (done) =>
      this.operations.plan(UNINSTALL_OPERATION, TARGET, [...UNINSTALL_STEPS], done ? succeeded : undefined),
    );
  }

  /** Not wanted any more: what was started is removed by an operation that uninstalls, and data stays. */
  async #cancelInstall({ id }: StoredObject<Operation>): Promise<void> {
    await this.#decide(
      { state: 'uninstalled', preset: DEFAULT_PRESET, deleteData: false },
      () => this.operations.plan(UNINSTALL_OPERATION, TARGET, [...UNINSTALL_STEPS]),
      { id, reason: 'somebody cancelled it' },
    );
  }

  /**
   * For calls that need a running backend.
   *
   * @throws DomainError `backend-not-ready` with the operation that is under way, if any
   */
  notReady(installation: StoredObject<Installation> | undefined): DomainError {
    const wanted = installation?.document.state === 'installed';
    return new DomainError({
      category: 'conflict',
      code: 'backend-not-ready',
      detail: wanted
        ? 'The alerting backend is not running yet. Follow the operation, or GET /api/v1/alerting/status for the reason.'
        : 'The alerting backend is not installed. PUT /api/v1/alerting/installation installs it.',
      extensions: wanted ? { operation: `/api/v1/operations/${installation.document.operationId}` } : {},
      ...(wanted ? { retryAfter: 2 } : {}),
    });
  }

  /** @param instead the operation that must still be under way: it is given up for this */
  async #decide(
    wanted: Omit<Installation, 'operationId'>,
    plan: (alreadyDone: boolean) => PlannedOperation,
    instead?: { id: string; reason: string },
  ): Promise<StoredObject<Operation>> {
    for (;;) {
      const current = await this.current();
      const last = current ? await this.operations.find(current.document.operationId) : undefined;
      if (instead && (last?.id !== instead.id || hasEnded(last.document))) {
        throw operationEnded(await this.operations.get(instead.id));
      }
      const same =
        (current?.document.state ?? 'uninstalled') === wanted.state &&
        (wanted.deleteData ? current?.document.deleteData === true : true);
      if (same && last && !hasEnded(last.document)) return last;
      const planned = plan(same && last?.document.phase !== 'failed');
      const document: Installation = { ...wanted, operationId: planned.id };
      try {
        const written = await this.store.transact([
          {
            op: 'put',
            kind: INSTALLATION_KIND,
            id: INSTALLATION_ID,
            document,
            expected: current?.revision ?? 'absent',
          },
          planned.write,
          // Nobody works towards the other state any more.
          ...(last
            ? this.operations.supersede(
                last,
                instead?.reason ?? `${planned.operation.kind} was asked for meanwhile`,
              )
            : []),
        ]);
        return written[1] as StoredObject<Operation>;
      } catch (error) {
        if (!isLostRace(error)) throw error;
      }
    }
  }
}

function isLostRace(error: unknown): boolean {
  return error instanceof DomainError && ['revision-mismatch', 'already-exists'].includes(error.code);
}
