import { fillDefaults } from '../../platform/revisioned-config/defaulting.js';
import type { AlertingConfiguration } from './alerting-configuration.js';

const RESOURCES = {
  requests: { cpu: '50m', memory: '64Mi' },
  limits: { memory: '256Mi' },
};

/** The default until an operator writes another one: one Alertmanager. */
export const BUILT_IN: AlertingConfiguration = {
  version: '0.31.1',
  image: { repository: 'prom/alertmanager', pullPolicy: 'IfNotPresent', pullSecrets: [] },
  controllers: { replicas: 1, resources: RESOURCES },
  workers: { replicas: 0, resources: RESOURCES },
  cluster: {
    gossipInterval: '200ms',
    // At most a third of peerTimeout: what gossip missed is repaired before the next member sends, too.
    pushPullInterval: '5s',
    settleTimeout: '1m',
    peerTimeout: '15s',
    reconnectInterval: '1s',
    // A member that was replaced is forgotten soon, not after Alertmanager's 6h.
    reconnectTimeout: '5m',
    probeInterval: '1s',
    probeTimeout: '500ms',
    tcpTimeout: '10s',
  },
  storage: { size: '1Gi' },
  notifications: {
    groupWait: { info: '30s', warning: '10s', error: '5s', critical: '0s' },
    // Alertmanager refuses 0 here.
    groupInterval: { info: '30s', warning: '10s', error: '5s', critical: '1s' },
  },
  retention: '120h',
  logLevel: 'info',
};

/** A named document to start from. */
export interface Preset {
  name: string;
  description: string;
  document: AlertingConfiguration;
  /** RFC 6901 pointers of the fields that still have to be given. */
  requiredFields: string[];
}

const preset = (name: string, description: string, differences: object): Preset => ({
  name,
  description,
  document: fillDefaults(differences, BUILT_IN) as AlertingConfiguration,
  requiredFields: [],
});

export const PRESETS: readonly Preset[] = [
  preset('standalone', 'One Alertmanager with its companion: for one machine and for trying things out.', {}),
  preset(
    'highly-available',
    'Three Alertmanagers in one cluster: any of them may fail, and alerts are still delivered. Two advertise the address that others join.',
    { controllers: { replicas: 2 }, workers: { replicas: 1 } },
  ),
];
