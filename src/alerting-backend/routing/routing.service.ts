import { Injectable } from '@nestjs/common';
import { redactSecrets } from '../../platform/secrets/secret-fields.js';
import { DEFAULT_PRESET } from '../cluster/installation.js';
import { InstallationService } from '../cluster/installation.service.js';
import { ConfigSyncService } from '../config-sync/config-sync.service.js';
import { RECEIVER_TYPE_NAMES, receiverType } from '../endpoints/receivers/receiver-types.js';
import type { RoutingConfigDto } from './routing.dto.js';

const SECRET_PATTERNS = RECEIVER_TYPE_NAMES.flatMap((type) =>
  receiverType(type).secrets.map((pattern) => `/receivers/*/${type}_configs/*${pattern}`),
);

/** Shows what the compiler made. */
@Injectable()
export class RoutingService {
  constructor(
    private readonly configSync: ConfigSyncService,
    private readonly installation: InstallationService,
  ) {}

  async config(): Promise<RoutingConfigDto> {
    const installation = await this.installation.current();
    const { sha256, configuration } = await this.configSync.compile(
      installation?.document.preset ?? DEFAULT_PRESET,
    );
    return { sha256, config: redactSecrets({ ...configuration }, SECRET_PATTERNS) };
  }
}
