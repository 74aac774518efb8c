/** CPU and memory as Kubernetes quantities. */
export interface Resources {
  requests: { cpu?: string; memory?: string };
  limits: { cpu?: string; memory?: string };
}

/**
 * What runs: the alerting backend's wishes, without anything that Alertmanager's configuration file says. Pointers of
 * `supports` lead into it. What is left out is for the driver to choose.
 */
export interface AlertingSpec {
  /** Of Alertmanager. */
  version?: string;
  image?: { repository: string; pullPolicy: string; pullSecrets: string[] };
  /** Members that advertise the join address (at least 1). */
  controllers: { replicas: number; resources?: Resources };
  /** Members that join the controllers. */
  workers: { replicas: number; resources?: Resources };
  /** Flags `--cluster.*` of Alertmanager in camelCase, as Prometheus durations. */
  cluster?: object;
  /** Of each member's volume. */
  storage?: { size: string; storageClass?: string };
  /** Prometheus duration: how long Alertmanager keeps its data. */
  retention: string;
  logLevel: 'debug' | 'info' | 'warn' | 'error';
}

export type MemberSet = 'controller' | 'worker';

/** One Alertmanager with its companion, as far as the driver knows. */
export interface MemberWorkload {
  /** `controller-0`, `worker-3` */
  name: string;
  set: MemberSet;
  /** `https://host:port` of the companion, once it is known. */
  companionUrl: string | null;
  /** Of Alertmanager; local driver only. */
  pid: number | null;
}

/** A process or pod that should run. `reason` and `message` say why it is not ready, else null. */
export interface Workload {
  name: string;
  desired: number;
  ready: number;
  reason: string | null;
  message: string | null;
}

export interface AlertingObservation {
  members: MemberWorkload[];
  workloads: Workload[];
  /** Of the Alertmanager that the driver runs; null until it was resolved. */
  version: string | null;
}

export interface AlertingPlan {
  changes: string[];
  impact: 'none' | 'reload' | 'restart' | 'recreate' | 'data-loss';
  /** What would be applied, redacted: processes or Kubernetes objects. */
  manifests: unknown[];
}

export interface Unsupported {
  /** RFC 6901 pointer into the configuration document. */
  pointer: string;
  reason: string;
}

export interface ApplyOptions {
  signal: AbortSignal;
  /** Called with each thing that takes time: programs being found or built, members being started. */
  onProgress: (step: string, message: string) => void;
}

/**
 * Runs Alertmanagers with their companions. Level-triggered: `apply` may be called with the same spec again and
 * then changes nothing. It never decides policy and never delivers Alertmanager's configuration.
 */
export abstract class AlertingDriver {
  abstract readonly name: string;
  abstract plan(spec: AlertingSpec): Promise<AlertingPlan>;
  /** Resolves when everything was asked for (not when it is ready: `observe` tells). */
  abstract apply(spec: AlertingSpec, options: ApplyOptions): Promise<void>;
  abstract observe(): Promise<AlertingObservation>;
  /** Calls back after each change of what `observe` would answer; returns the way to stop. */
  abstract watch(onChange: () => void): () => void;
  abstract remove(options: { deleteData: boolean; signal: AbortSignal }): Promise<void>;
  /** The fields of the spec that it cannot honour, leaves or whole blocks. */
  abstract supports(spec: AlertingSpec): Unsupported[];
}

/** What the alerting backend wants to run now; for those who show what a driver would apply. */
export abstract class DesiredAlertingSpec {
  /** `undefined` while nothing is installed. */
  abstract desiredSpec(): Promise<AlertingSpec | undefined>;
}
