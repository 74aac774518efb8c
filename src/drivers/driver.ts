import type { AlertingDriver } from '../alerting-backend/alerting-driver.js';
import type { ConditionUpdate } from '../platform/conditions.js';
import type { ComponentCatalogue } from '../platform/components/component-catalogue.js';
import type { ServiceLogger } from '../platform/telemetry/logger.js';
import type { Certificates } from '../platform/tls/certificates.js';

/** What every driver is made of. */
export interface DriverContext {
  dataDir: string;
  catalogue: ComponentCatalogue;
  certificates: Certificates;
  logger: ServiceLogger;
}

/** One program or pod that the driver runs, as it sees it now. */
export interface DriverWorkload {
  name: string;
  /** `Process`, or a kind of Kubernetes. */
  kind: string;
  desired: number;
  ready: number;
  /** CamelCase: its phase, or why it is not ready. */
  reason: string;
  message: string | null;
  pid: number | null;
  restarts: number;
  /** RFC 3339. */
  startedAt: string | null;
}

/** The driver that configuration selected: one adapter for each port. */
export abstract class Driver {
  abstract readonly name: string;
  abstract readonly alerting: AlertingDriver;
  /** Preconditions: programs, permissions, versions. */
  abstract conditions(): Promise<ConditionUpdate[]>;
  abstract workloads(): Promise<DriverWorkload[]>;
  /** Stops what it runs, in dependency order, and lets go of everything. */
  abstract stop(): Promise<void>;
}

/** How to get a driver; `load` imports it only when it is selected. */
export interface DriverEntry {
  name: string;
  description: string;
  /** Backends that it can run. */
  backends: string[];
  load: (context: DriverContext) => Promise<Driver>;
}
