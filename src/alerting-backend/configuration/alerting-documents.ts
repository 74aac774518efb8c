import { Injectable } from '@nestjs/common';
import type { FieldError } from '../../platform/errors.js';
import { dtoErrors } from '../../platform/http/dto.pipe.js';
import { ConfigurationDocuments } from '../../platform/revisioned-config/configuration-documents.js';
import { Sealer } from '../../platform/secrets/sealer.js';
import { ObjectStore } from '../../platform/store/object-store.js';
import type { AlertingConfiguration } from './alerting-configuration.js';
import { AlertingConfigurationDto } from './alerting-configuration.dto.js';
import { crossFieldErrors } from './alerting-configuration.rules.js';
import { BUILT_IN } from './built-in.js';

/** Of the configuration documents in the store: changes of them are changes of what shall run. */
export const CONFIGURATION_KIND = 'alerting-configuration';

/** The configuration of the alerting backend. It has no secrets: `image.pullSecrets` are names. */
@Injectable()
export class AlertingDocuments extends ConfigurationDocuments<AlertingConfiguration> {
  constructor(store: ObjectStore, sealer: Sealer) {
    super(store, sealer, { kind: CONFIGURATION_KIND, builtIn: BUILT_IN, check: configurationErrors });
  }
}

/** Every finding in a whole document. */
export function configurationErrors(document: unknown): FieldError[] {
  return [...dtoErrors(AlertingConfigurationDto, document), ...crossFieldErrors(document)];
}
