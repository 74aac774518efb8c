import type { AlertingSpec } from '../alerting-driver.js';
import type { Severity } from '../endpoints/endpoint.js';

export const INSTALLATION_KIND = 'alerting-installation';
/** There is one alerting backend. */
export const INSTALLATION_ID = 'alerting';

/** Desired state: whether the alerting backend runs, and from which preset. */
export interface Installation {
  state: 'installed' | 'uninstalled';
  preset: string;
  /** Of an uninstallation: whether silences, notification log and messages go, too. */
  deleteData: boolean;
  /** The newest operation that works towards this state. */
  operationId: string;
}

export const INSTALL_OPERATION = 'alerting.install';
export const UNINSTALL_OPERATION = 'alerting.uninstall';

/** Steps of an installation, in order. */
export const INSTALL_STEPS = ['find-components', 'start-members', 'deliver-configuration'] as const;
export const UNINSTALL_STEPS = ['stop-members'] as const;

export interface Preset {
  name: string;
  description: string;
  spec: AlertingSpec;
  groupWait: Record<Severity, string>;
  groupInterval: Record<Severity, string>;
}

export const DEFAULT_PRESET = 'standalone';

export const PRESETS: readonly Preset[] = [
  {
    name: DEFAULT_PRESET,
    description: 'One Alertmanager with its companion: for one machine and for trying things out.',
    spec: { controllers: { replicas: 1 }, workers: { replicas: 0 }, retention: '120h', logLevel: 'info' },
    groupWait: { info: '30s', warning: '10s', error: '5s', critical: '0s' },
    groupInterval: { info: '30s', warning: '10s', error: '5s', critical: '1s' },
  },
];

export function presetOf(name: string): Preset {
  const preset = PRESETS.find((candidate) => candidate.name === name);
  if (!preset) throw new Error(`unknown alerting preset ${name}`);
  return preset;
}
