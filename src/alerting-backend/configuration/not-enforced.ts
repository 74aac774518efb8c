import type { ConditionUpdate } from '../../platform/conditions.js';
import type { Unsupported } from '../alerting-driver.js';

/** Says which wishes the driver cannot honour, so that none is ignored in silence. */
export function notEnforcedCondition(notEnforced: Unsupported[], revision: number): ConditionUpdate {
  const type = 'NotEnforced';
  const observedGeneration = revision;
  if (notEnforced.length === 0) {
    const message = 'The driver honours the whole configuration.';
    return { type, status: 'False', reason: 'EverythingEnforced', message, observedGeneration };
  }
  const message = notEnforced.map(({ pointer, reason }) => `${pointer}: ${reason}`).join(' ');
  return { type, status: 'True', reason: 'NotSupportedByDriver', message, observedGeneration };
}
