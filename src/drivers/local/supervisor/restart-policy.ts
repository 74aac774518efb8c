import { backoffDelay, type BackoffOptions } from '../../../platform/reconciler/backoff.js';

export interface RestartPolicy {
  backoff: BackoffOptions;
  /** Milliseconds; a run at least this long forgets the deaths before it. */
  healthyAfter: number;
  /** Quick deaths in a row that make a crash loop. */
  crashLoopAfter: number;
}

export const DEFAULT_RESTART_POLICY: RestartPolicy = {
  backoff: { initial: 100, maximum: 30_000 },
  healthyAfter: 30_000,
  crashLoopAfter: 5,
};

export interface RestartDecision {
  /** Deaths in a row after short runs, this one included; goes into the next decision. */
  quickDeaths: number;
  /** Milliseconds until the next start. A crash loop goes on at the slow rate: what is wrong may be repaired. */
  delay: number;
}

/**
 * What to do about a process that ended, or could not be started, without being asked to.
 * @param quickDeaths of the decision before, 0 at first
 * @param ranFor milliseconds; 0 for a failed start
 * @param random in [0, 1)
 */
export function decideRestart(
  quickDeaths: number,
  ranFor: number,
  policy: RestartPolicy,
  random: number,
): RestartDecision {
  const deaths = ranFor >= policy.healthyAfter ? 1 : quickDeaths + 1;
  return {
    quickDeaths: deaths,
    delay: backoffDelay(deaths, policy.backoff, random),
  };
}
