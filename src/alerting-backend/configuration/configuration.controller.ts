import { Controller } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { configurationController } from '../../platform/revisioned-config/http/configuration.controller.js';
import { AlertingConfigurationDto } from './alerting-configuration.dto.js';
import { AlertingConfigurationMount } from './alerting.mount.js';

/** How the Alertmanagers are run. */
@ApiTags('alerting: configuration')
@Controller('/api/v1/alerting')
export class AlertingConfigurationController extends configurationController({
  document: AlertingConfigurationDto,
  mount: AlertingConfigurationMount,
  examples: {
    put: { retention: '240h', logLevel: 'info' },
    patch: { notifications: { groupWait: { info: '1m' } }, retention: null },
    reset: { keep: ['/notifications/groupWait'], patch: { retention: '240h' } },
  },
}) {}
