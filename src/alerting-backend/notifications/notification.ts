import { LABELS } from '../routing/routing-compiler.js';
import type { GoldenSignal, Severity } from '../endpoints/endpoint.js';

export const NOTIFICATION_KIND = 'notification';
/** There is one for each notification that is still being posted. */
export const POSTING_KIND = 'notification-posting';

/** A message for people, as stored. */
export interface Notification {
  title: string;
  body: string;
  severity: Severity;
  goldenSignal: GoldenSignal;
  labels: Record<string, string>;
  /** As they were named; empty: a broadcast. */
  endpoints: { id: string }[];
  /** How many endpoints it goes to: the named ones, or those that had opted in for its severity when it was pushed. */
  recipients: number;
  /** Of a broadcast: the sequence of the store when it was pushed; endpoints that opted in later do not get it. */
  broadcast: number | null;
  /** RFC 3339. */
  createdAt: string;
  /** Members whose embedded server has it, with the time of their first receipt. */
  deliveries: NotificationDelivery[];
}

export interface NotificationDelivery {
  member: string;
  /** RFC 3339. */
  receivedAt: string;
}

export interface Posting {
  /** RFC 3339; null until an embedded server has it: it is then posted for as long as that takes. */
  endsAt: string | null;
}

/** As Alertmanager's API v2 takes it. */
export interface PostableAlert {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  startsAt: string;
  endsAt: string;
}

/** How often an active notification is posted again: an Alertmanager that was killed has forgotten it. */
export const REPOST_MS = 15_000;
/** How long a posted alert lives without being posted again: three intervals, so that one lost post resolves nothing. */
export const LEASE_MS = 4 * REPOST_MS;
/** How long it stays active after an embedded server has it: receivers that are down get this long to come back. */
export const ACTIVE_MS = 10 * 60_000;

/** The alert that carries a notification. @param endsAt RFC 3339 */
export function alertOf(id: string, notification: Notification, endsAt: string): PostableAlert {
  const { title, body, severity, goldenSignal, labels, endpoints, broadcast, createdAt } = notification;
  return {
    labels: {
      alertname: title,
      ...labels,
      [LABELS.notification]: id,
      [LABELS.severity]: severity,
      [LABELS.goldenSignal]: goldenSignal,
      ...(broadcast === null
        ? { [LABELS.endpoints]: endpoints.map((endpoint) => endpoint.id).join(',') }
        : { [LABELS.broadcast]: String(broadcast) }),
    },
    annotations: { summary: title, description: body },
    startsAt: createdAt,
    endsAt,
  };
}
