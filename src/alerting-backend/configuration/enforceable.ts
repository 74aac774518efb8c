import { isDeepStrictEqual } from 'node:util';
import { valueAt, withValueAt } from '../../platform/revisioned-config/json-value.js';
import type { AlertingSpec, Unsupported } from '../alerting-driver.js';
import { BUILT_IN } from './built-in.js';

export interface EnforceableSpec {
  /** With the built-in value wherever the driver cannot honour the wish. */
  spec: AlertingSpec;
  /** The wishes that differ from it. */
  notEnforced: Unsupported[];
}

/** Splits what is wanted into what the driver can do and what it cannot, so that one wish never holds up the rest. */
export function enforceableSpec(
  wanted: AlertingSpec,
  supports: (spec: AlertingSpec) => Unsupported[],
): EnforceableSpec {
  const notEnforced = supports(wanted).filter(
    ({ pointer }) => !isDeepStrictEqual(valueAt(wanted, pointer), valueAt(BUILT_IN, pointer)),
  );
  const spec = notEnforced.reduce<unknown>(
    (document, { pointer }) => withValueAt(document, pointer, valueAt(BUILT_IN, pointer)),
    wanted,
  );
  return { spec: spec as AlertingSpec, notEnforced };
}
