import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { Settings } from '../../platform/configuration/settings.js';
import { ReadinessRegistry } from '../../platform/http/readiness.js';
import { ClusterReconciler } from './cluster.reconciler.js';
import { InstallationService } from './installation.service.js';
import { StatusService } from './status.service.js';

/** On a data directory that never had the backend: installs it when the settings say so. Tells `/readyz` about it. */
@Injectable()
export class BootstrapService implements OnApplicationBootstrap {
  readonly #logger = new Logger(BootstrapService.name);

  constructor(
    private readonly settings: Settings,
    private readonly installation: InstallationService,
    private readonly reconciler: ClusterReconciler,
    private readonly status: StatusService,
    private readonly readiness: ReadinessRegistry,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    this.readiness.addCheck('alerting', async () => {
      const installed = (await this.installation.current())?.document.state === 'installed';
      return installed && !this.reconciler.observed
        ? { state: 'unknown', message: 'not observed since the start' }
        : { state: 'ok' };
    });
    this.readiness.addComponent('alertmanager', async () => {
      const { installState, appState, conditions } = await this.status.status();
      if (installState === 'not-installed') {
        return {
          state: 'ok',
          message: 'Not installed, so nothing runs. PUT /api/v1/alerting/installation installs it.',
        };
      }
      const state =
        appState === 'running' || appState === 'not-running'
          ? 'ok'
          : appState === 'unknown'
            ? 'unknown'
            : 'failed';
      return { state, message: conditions.map(({ message }) => message).join(' ') };
    });
    if (!this.settings.bootstrap.install.includes('alerting')) return;
    // Uninstalled is a wish, too: only a directory that never had it is bootstrapped.
    if ((await this.installation.current()) !== undefined) return;
    await this.installation.install({ author: 'bootstrap' });
    this.#logger.log(
      'Installing the alerting backend (bootstrap.install); GET /api/v1/operations shows how far it is.',
    );
  }
}
