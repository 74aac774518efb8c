import { Injectable, type OnModuleInit } from '@nestjs/common';
import { PublicKinds } from '../platform/events/public-kinds.js';
import type { StoredObject } from '../platform/store/object-store.js';
import { INSTALLATION_KIND, type Installation } from './cluster/installation.js';
import { ENDPOINT_KIND, type Endpoint } from './endpoints/endpoint.js';
import { ENDPOINTS_PATH } from './endpoints/endpoints.controller.js';
import { EndpointsService } from './endpoints/endpoints.service.js';
import { NOTIFICATION_KIND, type Notification } from './notifications/notification.js';
import { NOTIFICATIONS_PATH } from './notifications/notifications.controller.js';
import { NotificationsService } from './notifications/notifications.service.js';

/** What events show of the alerting backend. */
@Injectable()
export class AlertingPublicKinds implements OnModuleInit {
  constructor(
    private readonly kinds: PublicKinds,
    private readonly endpoints: EndpointsService,
    private readonly notifications: NotificationsService,
  ) {}

  onModuleInit(): void {
    this.kinds.add({
      name: 'endpoint',
      kind: ENDPOINT_KIND,
      path: ENDPOINTS_PATH,
      represent: (object) => this.endpoints.represent(object as StoredObject<Endpoint>),
    });
    this.kinds.add({
      name: 'notification',
      kind: NOTIFICATION_KIND,
      path: NOTIFICATIONS_PATH,
      represent: (object) => this.notifications.represent(object as StoredObject<Notification>),
    });
    this.kinds.add({
      name: 'installation',
      kind: INSTALLATION_KIND,
      path: '/api/v1/alerting/installation',
      represent: ({ id, revision, document }) => {
        const { state, operationId } = document as Installation;
        return { id, revision, state, operation: `/api/v1/operations/${operationId}` };
      },
    });
  }
}
