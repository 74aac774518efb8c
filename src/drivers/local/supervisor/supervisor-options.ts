import type { Clock } from '../../../platform/clock.js';
import { DEFAULT_LOG_ROTATION, type LogRotation } from './log-rotation.js';
import { DEFAULT_READINESS, type ReadinessTimings } from './readiness.js';
import { DEFAULT_RESTART_POLICY, type RestartPolicy } from './restart-policy.js';

/** The part of pino that is used here. */
export interface SupervisorLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface SupervisorOptions {
  /** Holds `processes/<name>.json`; made when missing (0700). One gateway at a time may use it. */
  stateDir: string;
  clock?: Clock;
  logger?: SupervisorLogger;
  restart?: RestartPolicy;
  readiness?: ReadinessTimings;
  logRotation?: LogRotation;
  /** Milliseconds between two looks at an adopted process. */
  adoptedPollInterval?: number;
  /** In [0, 1), for jitter. */
  random?: () => number;
}

export type SupervisorSettings = Required<Omit<SupervisorOptions, 'stateDir' | 'clock' | 'logger'>>;

export function settingsOf(options: SupervisorOptions): SupervisorSettings {
  return {
    restart: options.restart ?? DEFAULT_RESTART_POLICY,
    readiness: options.readiness ?? DEFAULT_READINESS,
    logRotation: options.logRotation ?? DEFAULT_LOG_ROTATION,
    adoptedPollInterval: options.adoptedPollInterval ?? 300,
    random: options.random ?? Math.random,
  };
}

export const SILENT: SupervisorLogger = {
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
