export const SEVERITIES = ['info', 'warning', 'error', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

export const GOLDEN_SIGNALS = ['custom', 'errors', 'saturation', 'traffic', 'latency'] as const;
export type GoldenSignal = (typeof GOLDEN_SIGNALS)[number];

export const ENDPOINT_KIND = 'endpoint';

/** A place that alerts are delivered to, as stored: the secrets inside `block` are sealed. */
export interface Endpoint {
  name: string;
  description: string;
  labels: Record<string, string>;
  /** A receiver name of Alertmanager without `_configs`, e.g. `webhook`. */
  type: string;
  /** One element of that receiver's list, in Alertmanager's own fields. */
  block: Record<string, unknown>;
  /** Whether and for which severities it takes part in broadcast notifications. */
  notifications: {
    enabled: boolean;
    severities: Severity[];
    /**
     * For each severity that it takes: the sequence of the store from which on broadcasts are meant for it. What was
     * broadcast before it opted in is not delivered to it, although Alertmanager still holds it.
     */
    since: Partial<Record<Severity, number>>;
  };
}
