import type { AlertingSpec } from '../alerting-driver.js';
import type { Severity } from '../endpoints/endpoint.js';
import type { NotificationTiming } from '../routing/routing-compiler.js';

/** CPU and memory as Kubernetes quantities, by name. */
export type Quantities = { cpu?: string; memory?: string };

export interface MemberSetConfiguration {
  replicas: number;
  resources: { requests: Quantities; limits: Quantities };
}

/** Prometheus durations; the flags `--cluster.*` of Alertmanager. */
export interface ClusterConfiguration {
  gossipInterval: string;
  pushPullInterval: string;
  settleTimeout: string;
  peerTimeout: string;
  reconnectInterval: string;
  reconnectTimeout: string;
  probeInterval: string;
  probeTimeout: string;
  tcpTimeout: string;
}

/** The configuration document of the alerting backend, whole. */
export interface AlertingConfiguration {
  /** Of Alertmanager. */
  version: string;
  image: { repository: string; pullPolicy: 'Always' | 'IfNotPresent' | 'Never'; pullSecrets: string[] };
  controllers: MemberSetConfiguration;
  workers: MemberSetConfiguration;
  cluster: ClusterConfiguration;
  storage: { size: string; storageClass?: string };
  notifications: { groupWait: Record<Severity, string>; groupInterval: Record<Severity, string> };
  /** Prometheus duration: how long Alertmanager keeps its data. */
  retention: string;
  logLevel: 'debug' | 'info' | 'warn' | 'error';
}

/** What the driver gets: everything but what only the routing is made of. */
export function specOf(document: AlertingConfiguration): AlertingSpec {
  const { version, image, controllers, workers, cluster, storage, retention, logLevel } = document;
  return { version, image, controllers, workers, cluster, storage, retention, logLevel };
}

export function timingOf({ notifications }: AlertingConfiguration): NotificationTiming {
  return notifications;
}
