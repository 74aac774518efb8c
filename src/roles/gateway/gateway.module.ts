import { Global, Module, type Type } from '@nestjs/common';
import { AlertingBackendModule } from '../../alerting-backend/alerting-backend.module.js';
import { AlertingDriver } from '../../alerting-backend/alerting-driver.js';
import { Driver } from '../../drivers/driver.js';
import { DriversController } from '../../drivers/http/drivers.controller.js';
import { ComponentCatalogue } from '../../platform/components/component-catalogue.js';
import { EventsModule } from '../../platform/events/events.module.js';
import { joinExecutions } from '../../platform/http/idempotency/execution.js';
import { IdempotencyModule } from '../../platform/http/idempotency/idempotency.module.js';
import { OperationsModule } from '../../platform/operations/operations.module.js';
import { Sealer } from '../../platform/secrets/sealer.js';
import { ObjectStore } from '../../platform/store/object-store.js';
import { Certificates } from '../../platform/tls/certificates.js';
import type { GatewayParts } from './gateway.parts.js';
import { InfoController } from './info.controller.js';
import { Retention } from './retention.js';
import { StoreReadiness } from './store-readiness.js';

/** The composition root of the gateway: the backends, and the adapters behind their ports. */
export function gatewayModule(parts: GatewayParts): Type {
  class PartsModule {}
  const tokens = [ObjectStore, Sealer, Certificates, ComponentCatalogue, Driver, AlertingDriver];
  Global()(PartsModule);
  Module({
    providers: [
      { provide: ObjectStore, useValue: joinExecutions(parts.store) },
      { provide: Sealer, useValue: parts.sealer },
      { provide: Certificates, useValue: parts.certificates },
      { provide: ComponentCatalogue, useValue: parts.catalogue },
      { provide: Driver, useValue: parts.driver },
      { provide: AlertingDriver, useValue: parts.driver.alerting },
    ],
    exports: tokens,
  })(PartsModule);

  class GatewayModule {}
  Module({
    imports: [PartsModule, EventsModule, IdempotencyModule, OperationsModule, AlertingBackendModule],
    controllers: [InfoController, DriversController],
    providers: [StoreReadiness, Retention],
  })(GatewayModule);
  return GatewayModule;
}
