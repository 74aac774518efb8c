import { Module } from '@nestjs/common';
import { AlertingPublicKinds } from './alerting-public-kinds.js';
import { DesiredAlertingSpec } from './alerting-driver.js';
import { AlertmanagerApiController } from './alertmanager-api/alertmanager-api.controller.js';
import { AlertmanagerApiService } from './alertmanager-api/alertmanager-api.service.js';
import { BootstrapService } from './cluster/bootstrap.service.js';
import { ClusterController } from './cluster/cluster.controller.js';
import { ClusterReconciler } from './cluster/cluster.reconciler.js';
import { InstallationService } from './cluster/installation.service.js';
import { MembersService } from './cluster/members.service.js';
import { StatusService } from './cluster/status.service.js';
import { AlertingConfigurationMount } from './configuration/alerting.mount.js';
import { AlertingDocuments } from './configuration/alerting-documents.js';
import { AlertingConfigurationController } from './configuration/configuration.controller.js';
import { CompanionClient } from './config-sync/companion-client.js';
import { ConfigSyncService } from './config-sync/config-sync.service.js';
import { EndpointTestsController } from './endpoints/endpoint-tests.controller.js';
import { EndpointTestsService } from './endpoints/endpoint-tests.service.js';
import { EndpointsController } from './endpoints/endpoints.controller.js';
import { EndpointsService } from './endpoints/endpoints.service.js';
import { BroadcastAudience } from './notifications/broadcast-audience.js';
import { NotificationPoster } from './notifications/notification-poster.js';
import { NotificationsController } from './notifications/notifications.controller.js';
import { NotificationsService } from './notifications/notifications.service.js';
import { RoutingController } from './routing/routing.controller.js';
import { RoutingService } from './routing/routing.service.js';

/** The alerting backend; needs an `AlertingDriver`, the store, a sealer and certificates from the role that imports it. */
@Module({
  controllers: [
    ClusterController,
    AlertingConfigurationController,
    EndpointsController,
    EndpointTestsController,
    NotificationsController,
    RoutingController,
    AlertmanagerApiController,
  ],
  providers: [
    AlertingDocuments,
    AlertingConfigurationMount,
    InstallationService,
    BootstrapService,
    ClusterReconciler,
    MembersService,
    StatusService,
    CompanionClient,
    ConfigSyncService,
    EndpointsService,
    EndpointTestsService,
    NotificationsService,
    NotificationPoster,
    BroadcastAudience,
    RoutingService,
    AlertmanagerApiService,
    AlertingPublicKinds,
    { provide: DesiredAlertingSpec, useExisting: InstallationService },
  ],
  exports: [DesiredAlertingSpec],
})
export class AlertingBackendModule {}
