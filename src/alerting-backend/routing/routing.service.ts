import { Injectable } from '@nestjs/common';
import { timingOf } from '../configuration/alerting-configuration.js';
import { AlertingDocuments } from '../configuration/alerting-documents.js';
import { ConfigSyncService } from '../config-sync/config-sync.service.js';
import { redactRouting } from './redact-routing.js';
import type { RoutingConfigDto } from './routing.dto.js';

/** Shows what the compiler made. */
@Injectable()
export class RoutingService {
  constructor(
    private readonly configSync: ConfigSyncService,
    private readonly documents: AlertingDocuments,
  ) {}

  async config(): Promise<RoutingConfigDto> {
    const { document } = await this.documents.effective();
    const { sha256, configuration } = await this.configSync.compile(timingOf(document));
    return { sha256, config: redactRouting(configuration) };
  }
}
