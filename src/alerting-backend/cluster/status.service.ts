import { Injectable } from '@nestjs/common';
import { Clock } from '../../platform/clock.js';
import { updateConditions, type Condition } from '../../platform/conditions.js';
import { hasEnded, type Operation } from '../../platform/operations/operation.js';
import { OperationsService } from '../../platform/operations/operations.service.js';
import { AlertingDriver } from '../alerting-driver.js';
import { specOf } from '../configuration/alerting-configuration.js';
import { AlertingDocuments } from '../configuration/alerting-documents.js';
import { enforceableSpec } from '../configuration/enforceable.js';
import { notEnforcedCondition } from '../configuration/not-enforced.js';
import { backendState } from './backend-state.js';
import type { BackendStatusDto } from './cluster.dto.js';
import { ClusterReconciler } from './cluster.reconciler.js';
import { operationIdsOf, type Installation } from './installation.js';
import { InstallationService } from './installation.service.js';
import { MembersService } from './members.service.js';

/** What is wanted beside what is seen now. */
@Injectable()
export class StatusService {
  #conditions: Condition[] = [];

  constructor(
    private readonly installation: InstallationService,
    private readonly operations: OperationsService,
    private readonly members: MembersService,
    private readonly reconciler: ClusterReconciler,
    private readonly clock: Clock,
    private readonly documents: AlertingDocuments,
    private readonly driver: AlertingDriver,
  ) {}

  async status(): Promise<BackendStatusDto> {
    const installation = await this.installation.current();
    const operation = await this.#operation(installation?.document);
    const configuration = await this.documents.effective();
    const { notEnforced } = enforceableSpec(specOf(configuration.document), (spec) =>
      this.driver.supports(spec),
    );
    const { observation, members } = await this.members.snapshot();
    const { installState, appState, conditions } = backendState({
      installation: installation?.document,
      generation: installation?.revision ?? 0,
      operation,
      observation,
      members,
      observed: this.reconciler.observed,
      lastError: this.reconciler.lastError,
    });
    this.#conditions = updateConditions(
      this.#conditions,
      [...conditions, notEnforcedCondition(notEnforced, configuration.revision)],
      this.clock.timestamp(),
    );
    return {
      configState: installation || configuration.revision > 0 ? 'configured' : 'not-configured',
      installState,
      appState,
      conditions: this.#conditions,
      version: observation.version,
      workloads: observation.workloads,
    };
  }

  /** The one that is under way, else the newest. */
  async #operation(installation: Installation | undefined): Promise<Operation | undefined> {
    if (!installation) return undefined;
    const found = await Promise.all(operationIdsOf(installation).map((id) => this.operations.find(id)));
    const operations = found.filter((each) => each !== undefined).map(({ document }) => document);
    return operations.find((operation) => !hasEnded(operation)) ?? operations.at(-1);
  }
}
