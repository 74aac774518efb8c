import { Injectable } from '@nestjs/common';
import { isDeepStrictEqual } from 'node:util';
import {
  ConfigurationMount,
  type ConfigurationPreview,
  type Rollout,
} from '../../platform/revisioned-config/http/configuration-mount.js';
import { AlertingDriver } from '../alerting-driver.js';
import type { DryRunDto } from '../../platform/revisioned-config/http/configuration.dto.js';
import { InstallationService, type InstallRequest } from '../cluster/installation.service.js';
import { ConfigSyncService } from '../config-sync/config-sync.service.js';
import { redactRouting } from '../routing/redact-routing.js';
import { specOf, timingOf, type AlertingConfiguration } from './alerting-configuration.js';
import { AlertingDocuments } from './alerting-documents.js';
import { enforceableSpec } from './enforceable.js';

/** What follows from a change of the alerting configuration. */
@Injectable()
export class AlertingConfigurationMount extends ConfigurationMount<AlertingConfiguration> {
  constructor(
    override readonly documents: AlertingDocuments,
    private readonly driver: AlertingDriver,
    private readonly configSync: ConfigSyncService,
    private readonly installation: InstallationService,
  ) {
    super();
  }

  override async preview(
    before: AlertingConfiguration,
    after: AlertingConfiguration,
  ): Promise<ConfigurationPreview> {
    const runs = (await this.installation.current())?.document.state === 'installed';
    const preview = await this.#previewOfRunning(before, after);
    return runs ? preview : { ...preview, impact: 'none' };
  }

  /** What an installation would do. @throws DomainError as `InstallationService.install` */
  async previewInstallation(request: InstallRequest): Promise<DryRunDto> {
    const prepared = await this.installation.preparePreset(request);
    const { document: active } = await this.documents.effective();
    const { document } = prepared ?? (await this.documents.read('active'));
    const preview = await this.#previewOfRunning(active, prepared?.after ?? active);
    return { document, diff: prepared?.diff ?? [], ...preview };
  }

  async #previewOfRunning(
    before: AlertingConfiguration,
    after: AlertingConfiguration,
  ): Promise<ConfigurationPreview> {
    const { spec } = enforceableSpec(specOf(after), (wanted) => this.driver.supports(wanted));
    const plan = await this.driver.plan(spec);
    const { configuration } = await this.configSync.render(timingOf(after));
    const reloads = plan.impact === 'none' && !isDeepStrictEqual(timingOf(before), timingOf(after));
    return {
      impact: reloads ? 'reload' : plan.impact,
      config: redactRouting(configuration),
      manifests: plan.manifests as object[],
    };
  }

  override rollout(): Promise<Rollout | undefined> {
    return this.installation.planRollout();
  }
}
