import { Injectable } from '@nestjs/common';
import { Clock } from '../../platform/clock.js';
import { updateConditions, type Condition } from '../../platform/conditions.js';
import { OperationsService } from '../../platform/operations/operations.service.js';
import { backendState } from './backend-state.js';
import type { BackendStatusDto } from './cluster.dto.js';
import { ClusterReconciler } from './cluster.reconciler.js';
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
  ) {}

  async status(): Promise<BackendStatusDto> {
    const installation = await this.installation.current();
    const operation = installation
      ? await this.operations.find(installation.document.operationId)
      : undefined;
    const { observation, members } = await this.members.snapshot();
    const { installState, appState, conditions } = backendState({
      installation: installation?.document,
      generation: installation?.revision ?? 0,
      operation: operation?.document,
      observation,
      members,
      observed: this.reconciler.observed,
      lastError: this.reconciler.lastError,
    });
    this.#conditions = updateConditions(this.#conditions, conditions, this.clock.timestamp());
    return {
      configState: installation ? 'configured' : 'not-configured',
      installState,
      appState,
      conditions: this.#conditions,
      version: observation.version,
      workloads: observation.workloads,
    };
  }
}
