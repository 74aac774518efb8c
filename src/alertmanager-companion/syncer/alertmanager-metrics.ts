import { metricValue } from './config-hash.js';

/** What `/metrics` of an Alertmanager tells. Its size and its cost do not grow with the configuration, unlike `/api/v2/status`. */
export interface AlertmanagerMetrics {
  configHash: number | null;
  version: string | null;
  /** RFC 3339, to the hundredth of a second that the kernel counts in. */
  startedAt: string | null;
  /** Members it sees, itself included; null when clustering is off. */
  clusterMembers: number | null;
}

/** @param text Prometheus' text format, as Alertmanager 0.25 to 0.31 writes it */
export function readAlertmanagerMetrics(text: string): AlertmanagerMetrics {
  const startedAt = metricValue(text, 'process_start_time_seconds');
  return {
    configHash: metricValue(text, 'alertmanager_config_hash'),
    version: /^alertmanager_build_info\{(?:.*,)?version="([^"]+)"/m.exec(text)?.[1] ?? null,
    startedAt: startedAt === null ? null : new Date(Math.round(startedAt * 1_000)).toISOString(),
    // Without clustering the metric is absent, whatever `alertmanager_cluster_enabled` of the newer ones says.
    clusterMembers: metricValue(text, 'alertmanager_cluster_members'),
  };
}
