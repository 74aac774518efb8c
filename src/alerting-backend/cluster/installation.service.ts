import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DomainError, invalid } from '../../platform/errors.js';
import { hasEnded, succeeded, type Operation } from '../../platform/operations/operation.js';
import { OperationCancellers, operationEnded } from '../../platform/operations/operation-cancellers.js';
import { OperationsService } from '../../platform/operations/operations.service.js';
import { commit } from '../../platform/revisioned-config/commit.js';
import type { PreparedChange } from '../../platform/revisioned-config/configuration-kind.js';
import type { Rollout } from '../../platform/revisioned-config/http/configuration-mount.js';
import { ObjectStore, type StoredObject, type Write } from '../../platform/store/object-store.js';
import { AlertingDriver, DesiredAlertingSpec, type AlertingSpec } from '../alerting-driver.js';
import { specOf, type AlertingConfiguration } from '../configuration/alerting-configuration.js';
import { AlertingDocuments } from '../configuration/alerting-documents.js';
import { PRESETS } from '../configuration/built-in.js';
import { enforceableSpec } from '../configuration/enforceable.js';
import {
  CONFIGURE_OPERATION,
  INSTALL_OPERATION,
  INSTALL_STEPS,
  INSTALLATION_ID,
  INSTALLATION_KIND,
  operationIdsOf,
  UNINSTALL_OPERATION,
  UNINSTALL_STEPS,
  type Installation,
} from './installation.js';

const BASE = '/api/v1/alerting';
/** More of them are not kept waiting for one goal: the oldest is given up. */
const MAX_OPEN_ROLLOUTS = 20;

export interface InstallRequest {
  /** Whose document becomes the configuration. */
  preset?: string;
  /** Whether it may replace one that was written. */
  force?: boolean;
  author: string;
}

interface Decision {
  wanted: Pick<Installation, 'state' | 'deleteData'>;
  kind: string;
  steps: readonly string[];
  author?: string;
  /** The operation that must still be under way: it is given up for this. */
  instead?: string;
  /** A configuration that is written with it. */
  configuration?: () => Promise<PreparedChange<AlertingConfiguration> | undefined>;
}

/** Decides what shall be installed. The cluster reconciler makes it so and moves the operations on. */
@Injectable()
export class InstallationService extends DesiredAlertingSpec implements OnModuleInit {
  constructor(
    private readonly store: ObjectStore,
    private readonly operations: OperationsService,
    private readonly documents: AlertingDocuments,
    private readonly driver: AlertingDriver,
    private readonly cancellers: OperationCancellers,
  ) {
    super();
  }

  onModuleInit(): void {
    this.cancellers.add(INSTALL_OPERATION, (operation) => this.#cancelInstall(operation));
  }

  override async desiredSpec(): Promise<AlertingSpec | undefined> {
    const installation = await this.current();
    if (installation?.document.state !== 'installed') return undefined;
    const { document } = await this.documents.effective();
    return enforceableSpec(specOf(document), (spec) => this.driver.supports(spec)).spec;
  }

  current(): Promise<StoredObject<Installation> | undefined> {
    return this.store.get<Installation>(INSTALLATION_KIND, INSTALLATION_ID);
  }

  /**
   * The operation that installs; when it is installed already, one that has succeeded.
   *
   * @throws DomainError `invalid` for an unknown preset, `configuration-exists` when one would replace what was written
   */
  install(request: InstallRequest): Promise<StoredObject<Operation>> {
    return this.#decide({
      wanted: { state: 'installed', deleteData: false },
      kind: INSTALL_OPERATION,
      steps: INSTALL_STEPS,
      author: request.author,
      configuration: () => this.preparePreset(request),
    });
  }

  /** The operation that uninstalls; when nothing is installed, one that has succeeded. */
  uninstall(deleteData: boolean, author: string): Promise<StoredObject<Operation>> {
    return this.#decide({
      wanted: { state: 'uninstalled', deleteData },
      kind: UNINSTALL_OPERATION,
      steps: UNINSTALL_STEPS,
      author,
    });
  }

  /** What a preset makes of the configuration; `undefined` when that is written already, or none is asked for. */
  async preparePreset({
    preset: name,
    force = false,
    author,
  }: InstallRequest): Promise<PreparedChange<AlertingConfiguration> | undefined> {
    if (name === undefined) return undefined;
    const preset = PRESETS.find((candidate) => candidate.name === name);
    if (!preset) {
      const known = PRESETS.map((each) => `"${each.name}"`).join(', ');
      const detail = `There is no preset "${name}". Known: ${known}.`;
      throw invalid(detail, [{ pointer: '/preset', code: 'unknown-preset', detail }]);
    }
    const change = { op: 'put', document: preset.document } as const;
    const prepared = await this.documents.prepare({ target: 'active', change, author });
    if (prepared.revision === 0) return prepared;
    if (prepared.diff.length === 0) return undefined;
    if (force) return prepared;
    throw new DomainError({
      category: 'conflict',
      code: 'configuration-exists',
      detail: `The preset would replace the configuration that was written (revision ${prepared.revision}). Install without a preset to run that, or repeat with ?force=true; the replaced one stays as a revision.`,
    });
  }

  /** Plans the operation that brings a new configuration to what runs; `undefined` when nothing shall run. */
  async planRollout(): Promise<Rollout | undefined> {
    const current = await this.current();
    if (current?.document.state !== 'installed') return undefined;
    const open = await this.#open(current.document);
    const rollouts = open.filter(({ document }) => document.kind === CONFIGURE_OPERATION);
    const givenUp = rollouts.slice(0, Math.max(0, rollouts.length + 1 - MAX_OPEN_ROLLOUTS));
    const { id, write } = this.operations.plan(CONFIGURE_OPERATION, `${BASE}/configuration`, [
      ...INSTALL_STEPS,
    ]);
    const earlierOperationIds = open.filter((each) => !givenUp.includes(each)).map((each) => each.id);
    return {
      operationId: id,
      writes: [
        put({ ...current.document, operationId: id, earlierOperationIds }, current),
        write,
        ...givenUp.flatMap((each) => this.operations.supersede(each, 'newer configurations were written')),
      ],
    };
  }

  /** Not wanted any more: what was started is removed by an operation that uninstalls, and data stays. */
  async #cancelInstall({ id }: StoredObject<Operation>): Promise<void> {
    await this.#decide({
      wanted: { state: 'uninstalled', deleteData: false },
      kind: UNINSTALL_OPERATION,
      steps: UNINSTALL_STEPS,
      instead: id,
    });
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

  async #decide(decision: Decision): Promise<StoredObject<Operation>> {
    const { wanted, steps, author, instead, configuration } = decision;
    let running: StoredObject<Operation> | undefined;
    const written = await commit(this.store, author, async () => {
      const current = await this.current();
      const open = current ? await this.#open(current.document) : [];
      const last = current ? await this.operations.find(current.document.operationId) : undefined;
      if (instead !== undefined && !open.some(({ id }) => id === instead)) {
        throw operationEnded(await this.operations.get(instead));
      }
      const prepared = await configuration?.();
      const same =
        (current?.document.state ?? 'uninstalled') === wanted.state &&
        (wanted.deleteData ? current?.document.deleteData === true : true);
      running =
        same && !prepared ? open.findLast(({ document }) => document.kind === decision.kind) : undefined;
      if (running) return [];
      const changes = prepared !== undefined && prepared.diff.length > 0;
      const done = same && last?.document.phase !== 'failed' && !changes;
      // Cancelling it must not remove what ran before.
      const kind = same && changes ? CONFIGURE_OPERATION : decision.kind;
      const planned = this.operations.plan(
        kind,
        `${BASE}/installation`,
        [...steps],
        done ? succeeded : undefined,
      );
      const reason = instead === undefined ? `${kind} was asked for meanwhile` : 'somebody cancelled it';
      const earlierOperationIds = same ? open.map(({ id }) => id) : [];
      return [
        planned.write,
        put({ ...wanted, operationId: planned.id, earlierOperationIds }, current),
        ...(prepared ? [prepared.write] : []),
        // Nobody works towards the other state any more.
        ...(same ? [] : open.flatMap((each) => this.operations.supersede(each, reason))),
      ];
    });
    return running ?? (written[0] as StoredObject<Operation>);
  }

  async #open(installation: Installation): Promise<StoredObject<Operation>[]> {
    const found = await Promise.all(operationIdsOf(installation).map((id) => this.operations.find(id)));
    return found.filter((each) => each !== undefined).filter(({ document }) => !hasEnded(document));
  }
}

function put(document: Installation, current: StoredObject<Installation> | undefined): Write {
  const expected = current?.revision ?? ('absent' as const);
  return { op: 'put', kind: INSTALLATION_KIND, id: INSTALLATION_ID, document, expected };
}
