import { Injectable } from '@nestjs/common';
import { ulid } from 'ulid';
import { Clock } from '../../platform/clock.js';
import { invalid, notFound, type FieldError } from '../../platform/errors.js';
import { parseLabelSelector } from '../../platform/store/label-selector.js';
import { ObjectStore, type StoredObject } from '../../platform/store/object-store.js';
import { InstallationService } from '../cluster/installation.service.js';
import { ENDPOINT_KIND } from '../endpoints/endpoint.js';
import { BroadcastAudience } from './broadcast-audience.js';
import { NOTIFICATION_KIND, POSTING_KIND, type Notification, type Posting } from './notification.js';
import type {
  NotificationDto,
  NotificationInputDto,
  NotificationListDto,
  NotificationQueryDto,
} from './notification.dto.js';

/** Rows that one call looks at when filters leave few of them. */
const MAX_SCANNED = 5_000;

/** Accepts notifications. Acknowledged means durable; the poster brings them to Alertmanager. */
@Injectable()
export class NotificationsService {
  constructor(
    private readonly store: ObjectStore,
    private readonly clock: Clock,
    private readonly installation: InstallationService,
    private readonly audience: BroadcastAudience,
  ) {}

  /** @throws DomainError `backend-not-ready` when no alerting backend is installed */
  async push(input: NotificationInputDto): Promise<NotificationDto> {
    const installation = await this.installation.current();
    if (installation?.document.state !== 'installed') throw this.installation.notReady(installation);
    await this.#requireEndpoints(input);
    const { title, body, severity, goldenSignal, endpoints } = input;
    const labels = Object.fromEntries(Object.entries(input.labels));
    const named = endpoints.map(({ id }) => id);
    const isBroadcast = named.length === 0;
    const notification: Notification = {
      title,
      body,
      severity,
      goldenSignal,
      labels,
      endpoints: named.map((id) => ({ id })),
      recipients: isBroadcast ? await this.audience.size(severity) : named.length,
      broadcast: isBroadcast ? await this.store.sequence() : null,
      createdAt: this.clock.timestamp(),
      deliveries: [],
    };
    const id = ulid(this.clock.now());
    const posting: Posting = { endsAt: null };
    await this.store.transact([
      { op: 'put', kind: NOTIFICATION_KIND, id, document: notification, labels, expected: 'absent' },
      { op: 'put', kind: POSTING_KIND, id, document: posting, expected: 'absent' },
    ]);
    return read(id, notification, posting);
  }

  /** @throws DomainError `not-found` */
  async get(id: string): Promise<NotificationDto> {
    const found = await this.store.get<Notification>(NOTIFICATION_KIND, id);
    if (!found) throw notFound('notification', id);
    return this.represent(found);
  }

  /** A page may hold fewer items than asked for while `next` says that there are more. */
  async list(query: NotificationQueryDto): Promise<NotificationListDto> {
    const selector = query.labelSelector === undefined ? undefined : parseLabelSelector(query.labelSelector);
    const wanted = matcher(query);
    const items: NotificationDto[] = [];
    let cursor = query.cursor;
    for (let scanned = 0; scanned < MAX_SCANNED;) {
      const page = await this.store.list<Notification>(NOTIFICATION_KIND, {
        limit: query.limit - items.length,
        ...(cursor === undefined ? {} : { cursor }),
        ...(selector === undefined ? {} : { selector }),
      });
      items.push(
        ...(await Promise.all(
          page.items.filter(({ document }) => wanted(document)).map((item) => this.represent(item)),
        )),
      );
      scanned += page.items.length;
      if (page.next === null) return { items, next: null };
      cursor = page.next;
      if (items.length >= query.limit) break;
    }
    return { items, next: cursor ?? null };
  }

  /** What `get` answers for a stored notification. */
  async represent({ id, document }: StoredObject<Notification>): Promise<NotificationDto> {
    return read(id, document, (await this.store.get<Posting>(POSTING_KIND, id))?.document);
  }

  async #requireEndpoints({ endpoints }: NotificationInputDto): Promise<void> {
    const errors: FieldError[] = [];
    for (const [index, { id }] of endpoints.entries()) {
      if (await this.store.get(ENDPOINT_KIND, id)) continue;
      errors.push({
        pointer: `/endpoints/${index}/id`,
        code: 'unknown-endpoint',
        detail: `There is no endpoint "${id}".`,
      });
    }
    if (errors.length > 0) throw invalid('The notification names endpoints that do not exist.', errors);
  }
}

function read(
  id: string,
  { broadcast: _broadcast, ...notification }: Notification,
  posting: Posting | undefined,
): NotificationDto {
  const activeUntil = posting?.endsAt ?? null;
  const phase = posting === undefined ? 'done' : activeUntil === null ? 'posting' : 'active';
  return { id, ...notification, status: { phase, activeUntil } };
}

function matcher({
  severity,
  goldenSignal,
  from,
  to,
}: NotificationQueryDto): (notification: Notification) => boolean {
  const after = from === undefined ? -Infinity : Date.parse(from);
  const before = to === undefined ? Infinity : Date.parse(to);
  return (notification) => {
    const created = Date.parse(notification.createdAt);
    return (
      (severity?.includes(notification.severity) ?? true) &&
      (goldenSignal?.includes(notification.goldenSignal) ?? true) &&
      created >= after &&
      created < before
    );
  };
}
