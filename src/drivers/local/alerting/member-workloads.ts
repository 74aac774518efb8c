import type { MemberSet, Workload } from '../../../alerting-backend/alerting-driver.js';
import type { ProcessState } from '../supervised-process.js';
import { alertmanagerProcess, companionProcess } from './member-plan.js';

/**
 * One set of members as a workload: a member is ready when both of its processes are. Pure.
 *
 * @param stateOf a process of the supervisor by its name
 */
export function workloadOf(
  set: MemberSet,
  all: readonly { name: string; set: MemberSet }[],
  stateOf: (process: string) => ProcessState | undefined,
): Workload {
  const members = all.filter((member) => member.set === set);
  const processes = members.map((member) =>
    [companionProcess(member.name), alertmanagerProcess(member.name)].map((name) => ({
      name,
      state: stateOf(name),
    })),
  );
  const problem = processes.flat().find(({ state }) => state?.phase !== 'ready');
  return {
    name: `${set}s`,
    desired: members.length,
    ready: processes.filter((pair) => pair.every(({ state }) => state?.phase === 'ready')).length,
    reason: problem ? reasonOf(problem.state) : null,
    message: problem ? describe(problem.name, problem.state) : null,
  };
}

/** CamelCase, as Kubernetes writes reasons. */
function reasonOf(state: ProcessState | undefined): string {
  if (state === undefined) return 'NotStarted';
  switch (state.phase) {
    case 'crash-looping':
      return 'CrashLoop';
    case 'backing-off':
      return 'BackOff';
    case 'unready':
      return 'NotAnswering';
    default:
      return state.phase.charAt(0).toUpperCase() + state.phase.slice(1);
  }
}

function describe(name: string, state: ProcessState | undefined): string {
  if (state === undefined) return `${name} has not been started yet`;
  const parts = [`${name} is ${state.phase}`];
  if (state.error !== null) parts.push(state.error);
  if (state.lastExit !== null) {
    const { code, signal, at } = state.lastExit;
    parts.push(`it ended at ${at} with ${signal === null ? `exit code ${code ?? 'unknown'}` : signal}`);
  }
  if (state.phase === 'crash-looping' && state.lastOutput.length > 0) {
    parts.push(`its last lines: ${state.lastOutput.join(' | ')}`);
  }
  return parts.join('; ');
}
