import { describe, expect, it } from 'vitest';
import { failed, pendingOperation, succeeded } from '../../platform/operations/operation.js';
import type { Installation } from './installation.js';
import { backendState, type StateInput } from './backend-state.js';

const now = '2026-01-01T00:00:00.000Z';
const pending = pendingOperation('alerting.install', '/x', ['a'], now);
const workload = (ready: number, reason: string | null = null) => ({
  name: 'controllers',
  desired: 1,
  ready,
  reason,
  message: reason,
});
const running: StateInput = {
  installation: { state: 'installed', deleteData: false, operationId: 'o' },
  generation: 3,
  operation: succeeded(pending, now),
  observation: { members: [], workloads: [workload(1)], version: '0.31.1' },
  members: [{ name: 'controller-0', inSync: true, lastError: null }],
  observed: true,
  lastError: null,
};
const statesOf = (change: Partial<StateInput>): string => {
  const { installState, appState } = backendState({ ...running, ...change });
  return `${installState} ${appState}`;
};

describe('backendState', () => {
  it('is installed and running when everything is ready and in sync', () => {
    const state = backendState(running);
    expect(`${state.installState} ${state.appState}`).toBe('installed running');
    expect(
      state.conditions.map(({ type, status, observedGeneration }) => [type, status, observedGeneration]),
    ).toEqual([
      ['Available', 'True', 3],
      ['ConfigurationSynced', 'True', 3],
    ]);
  });

  it('says unknown instead of guessing after a start', () => {
    expect(statesOf({ observed: false })).toBe('installed unknown');
    expect(backendState({ ...running, observed: false }).conditions.map(({ status }) => status)).toEqual([
      'Unknown',
      'Unknown',
    ]);
  });

  it.each<[string, Partial<StateInput>]>([
    [
      'not-installed not-running',
      {
        installation: undefined,
        operation: undefined,
        observation: { ...running.observation, workloads: [] },
        members: [],
      },
    ],
    [
      'installing pending',
      { operation: pending, observation: { ...running.observation, workloads: [workload(0)] } },
    ],
    [
      'failed failed',
      {
        operation: failed(pending, { code: 'x', detail: 'y' }, now),
        observation: { ...running.observation, workloads: [workload(0, 'CrashLoop')] },
      },
    ],
    ['updating running', { operation: pendingOperation('alerting.configure', '/x', ['a'], now) }],
    ['installed running', { operation: failed(pending, { code: 'x', detail: 'y' }, now) }],
    ['installed degraded', { members: [{ name: 'controller-0', inSync: false, lastError: 'no' }] }],
    ['installed pending', { observation: { ...running.observation, workloads: [workload(0, 'BackOff')] } }],
    [
      'failed failed',
      {
        operation: failed(pending, { code: 'x', detail: 'y' }, now),
        observation: { ...running.observation, workloads: [] },
        lastError: 'no program',
      },
    ],
    [
      'uninstalling degraded',
      {
        installation: { ...(running.installation as Installation), state: 'uninstalled' },
        operation: pending,
      },
    ],
  ])('is %s', (expected, change) => {
    expect(statesOf(change)).toBe(expected);
  });

  it('names the member that is behind and why', () => {
    const { conditions } = backendState({
      ...running,
      members: [{ name: 'controller-0', inSync: false, lastError: 'refused: x' }],
    });
    expect(conditions[1]).toMatchObject({
      type: 'ConfigurationSynced',
      status: 'False',
      message: 'controller-0: refused: x',
    });
  });
});
