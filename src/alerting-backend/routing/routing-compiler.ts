import { createHash } from 'node:crypto';
import { EMBEDDED_RECEIVER, EMBEDDED_URL_PLACEHOLDER } from '../../alertmanager-companion/companion-api.js';
import { atLeast } from './at-least.js';
import { SEVERITIES, type Endpoint, type Severity } from '../endpoints/endpoint.js';

/** Labels that start with this belong to us; clients may not set them. */
export const RESERVED_LABEL_PREFIX = 'opni_';

export const LABELS = {
  notification: 'opni_notification_id',
  severity: 'opni_severity',
  goldenSignal: 'opni_golden_signal',
  /** Comma-separated ids of the endpoints that were named; absent on a broadcast. */
  endpoints: 'opni_endpoints',
  /** Of a broadcast: the sequence of the store when it was pushed, in decimal. */
  broadcast: 'opni_broadcast',
} as const;

/** Takes everything and delivers nowhere: what no route wanted has reached the embedded server already. */
const SINK_RECEIVER = 'opni_sink';

/** Prometheus durations by severity. */
export interface NotificationTiming {
  /** How long the first notification of a group waits for others. */
  groupWait: Record<Severity, string>;
  groupInterval: Record<Severity, string>;
}

/** What the compiler reads, with secrets in clear. */
export interface RoutingInput extends NotificationTiming {
  endpoints: { id: string; endpoint: Endpoint }[];
}

interface Route {
  receiver?: string;
  matchers?: string[];
  group_by?: string[];
  group_wait?: string;
  group_interval?: string;
  repeat_interval?: string;
  continue?: boolean;
  routes?: Route[];
}

interface Receiver {
  name: string;
  [configs: `${string}_configs`]: Record<string, unknown>[];
}

export interface AlertmanagerConfiguration {
  route: Route;
  receivers: Receiver[];
}

/** The one text that every member runs (JSON, which Alertmanager reads as YAML) and its sha256 in hex. */
export interface CompiledRouting {
  configuration: AlertmanagerConfiguration;
  text: string;
  sha256: string;
}

/**
 * Compiles what the store holds into Alertmanager's configuration. Pure: the same set of endpoints gives the same
 * bytes in whatever order it comes.
 *
 * The tree, in this order:
 * 1. everything → the embedded server, `continue`
 * 2. our notifications, by severity; in each the broadcasts → every endpoint that had opted in for the severity by then, the
 *    others → the endpoints they name; each `continue`; stops there
 * 3. the rest → nowhere else
 */
export function compileRouting(input: RoutingInput): CompiledRouting {
  const endpoints = input.endpoints.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const configuration: AlertmanagerConfiguration = {
    route: {
      receiver: SINK_RECEIVER,
      group_by: ['...'],
      routes: [
        {
          receiver: EMBEDDED_RECEIVER,
          group_by: ['...'],
          group_wait: '0s',
          group_interval: '1m',
          repeat_interval: '5h',
          continue: true,
        },
        {
          matchers: [`${LABELS.notification}!=""`],
          group_by: [LABELS.notification],
          // Longer than any notification lives: each is delivered once.
          repeat_interval: '24h',
          routes: SEVERITIES.map((severity) => severityRoute(severity, endpoints, input)),
        },
      ],
    },
    receivers: [
      { name: SINK_RECEIVER },
      {
        name: EMBEDDED_RECEIVER,
        webhook_configs: [{ url: EMBEDDED_URL_PLACEHOLDER, send_resolved: true }],
      },
      ...endpoints.map(({ id, endpoint }) => ({
        name: receiverName(id),
        // A notification is an event: there is nothing to resolve.
        [`${endpoint.type}_configs`]: [{ ...endpoint.block, send_resolved: false }],
      })),
    ],
  };
  const text = JSON.stringify(configuration);
  return { configuration, text, sha256: createHash('sha256').update(text).digest('hex') };
}

/** The receiver of an endpoint; ids are safe in a name as they are. */
export function receiverName(endpointId: string): string {
  return `opni_endpoint_${endpointId}`;
}

function severityRoute(
  severity: Severity,
  endpoints: RoutingInput['endpoints'],
  { groupWait, groupInterval }: RoutingInput,
): Route {
  const broadcast = endpoints.filter(
    ({ endpoint: { notifications } }) => notifications.enabled && notifications.severities.includes(severity),
  );
  return {
    matchers: [`${LABELS.severity}="${severity}"`],
    group_wait: groupWait[severity],
    group_interval: groupInterval[severity],
    routes: [
      {
        matchers: [`${LABELS.broadcast}!=""`],
        routes: broadcast.map(({ id, endpoint }) => ({
          receiver: receiverName(id),
          matchers: [`${LABELS.broadcast}=~"${atLeast(endpoint.notifications.since[severity] ?? 0)}"`],
          continue: true,
        })),
      },
      ...endpoints.map(({ id }) => ({
        receiver: receiverName(id),
        matchers: [`${LABELS.endpoints}=~"(.*,)?${id.replaceAll('.', '[.]')}(,.*)?"`],
        continue: true,
      })),
    ],
  };
}
