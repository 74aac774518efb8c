import type { ConditionUpdate } from '../../platform/conditions.js';
import { hasEnded, type Operation } from '../../platform/operations/operation.js';
import type { AlertingObservation } from '../alerting-driver.js';
import { isConfigure, type Installation } from './installation.js';

export const INSTALL_STATES = [
  'not-installed',
  'installing',
  'installed',
  'updating',
  'uninstalling',
  'failed',
] as const;
export type InstallState = (typeof INSTALL_STATES)[number];

export const APP_STATES = ['not-running', 'pending', 'running', 'degraded', 'failed', 'unknown'] as const;
export type AppState = (typeof APP_STATES)[number];

export interface StateInput {
  installation: Installation | undefined;
  /** The revision of the installation; 0 when there is none. */
  generation: number;
  /** The one that is under way, else the newest. */
  operation: Operation | undefined;
  observation: AlertingObservation;
  members: { name: string; inSync: boolean; lastError: string | null }[];
  /** Whether the reconciler has looked at what runs since the gateway started. */
  observed: boolean;
  /** Why its last pass failed. */
  lastError: string | null;
}

export interface BackendState {
  installState: InstallState;
  appState: AppState;
  conditions: ConditionUpdate[];
}

/** What `GET /status` says, from what is wanted and what was seen. Pure; `unknown` where nothing was seen. */
export function backendState(input: StateInput): BackendState {
  const appState = appStateOf(input);
  const installState = installStateOf(input, appState);
  return {
    installState,
    appState,
    conditions: [availableCondition(input, appState), syncedCondition(input)].map((condition) => ({
      ...condition,
      observedGeneration: input.generation,
    })),
  };
}

function allReady({ workloads }: AlertingObservation): boolean {
  return workloads.length > 0 && workloads.every((workload) => workload.ready >= workload.desired);
}

function appStateOf({ installation, observation, observed, members, lastError }: StateInput): AppState {
  const ready = observation.workloads.reduce((sum, workload) => sum + workload.ready, 0);
  if (installation?.state !== 'installed') return ready > 0 ? 'degraded' : 'not-running';
  if (!observed) return 'unknown';
  if (observation.workloads.length === 0) return lastError === null ? 'pending' : 'failed';
  if (allReady(observation)) return members.every((member) => member.inSync) ? 'running' : 'degraded';
  if (ready > 0) return 'degraded';
  const crashes = observation.workloads.some(({ reason }) => reason === 'CrashLoop');
  const cannotStart =
    lastError !== null && observation.workloads.every(({ reason }) => reason === 'NotStarted');
  return crashes || cannotStart ? 'failed' : 'pending';
}

function installStateOf({ installation, operation }: StateInput, appState: AppState): InstallState {
  if (!installation) return 'not-installed';
  const working = operation !== undefined && !hasEnded(operation);
  if (installation.state === 'uninstalled') {
    if (working) return 'uninstalling';
    return operation?.phase === 'failed' ? 'failed' : 'not-installed';
  }
  if (working) return isConfigure(operation) ? 'updating' : 'installing';
  // A failed installation that has healed since is installed.
  return operation?.phase === 'failed' && appState !== 'running' ? 'failed' : 'installed';
}

type Draft = Omit<ConditionUpdate, 'observedGeneration'>;

function availableCondition(input: StateInput, appState: AppState): Draft {
  const type = 'Available';
  const problem = input.observation.workloads.find((workload) => workload.ready < workload.desired);
  switch (appState) {
    case 'running':
    case 'degraded':
      return problem
        ? { type, status: 'False', reason: problem.reason ?? 'NotReady', message: problem.message ?? '' }
        : { type, status: 'True', reason: 'AllReady', message: 'Every member is ready.' };
    case 'unknown':
      return {
        type,
        status: 'Unknown',
        reason: 'NotObserved',
        message: 'The gateway has not looked at the members since it started.',
      };
    case 'not-running':
      return {
        type,
        status: 'False',
        reason: 'NotInstalled',
        message: 'PUT /api/v1/alerting/installation installs it.',
      };
    default: {
      // Where nothing was started yet, the reason is what keeps the reconciler from it.
      if (input.lastError !== null && (problem === undefined || problem.reason === 'NotStarted')) {
        return { type, status: 'False', reason: 'ReconcileFailed', message: input.lastError };
      }
      return {
        type,
        status: 'False',
        reason: problem?.reason ?? 'Starting',
        message: problem?.message ?? 'Members are being started.',
      };
    }
  }
}

function syncedCondition({ installation, members, observed }: StateInput): Draft {
  const type = 'ConfigurationSynced';
  if (installation?.state !== 'installed')
    return {
      type,
      status: 'False',
      reason: 'NotInstalled',
      message: 'Nothing runs that could be configured.',
    };
  if (!observed || members.length === 0)
    return { type, status: 'Unknown', reason: 'NotObserved', message: 'No member has been asked yet.' };
  const behind = members.filter((member) => !member.inSync);
  if (behind.length === 0)
    return {
      type,
      status: 'True',
      reason: 'AllInSync',
      message: 'Every member runs the newest configuration.',
    };
  const details = behind.map(
    (member) => `${member.name}: ${member.lastError ?? 'runs another configuration'}`,
  );
  return { type, status: 'False', reason: 'MembersBehind', message: details.join('; ') };
}
