import type { FieldError } from '../../platform/errors.js';
import { valueAt } from '../../platform/revisioned-config/json-value.js';
import { parseKubernetesQuantity } from '../../platform/units/kubernetes-quantity.js';
import { parsePrometheusDuration } from '../../platform/units/prometheus-duration.js';

/** Older ones are not supported. */
const OLDEST_VERSION = [0, 30] as const;

/** What fields have to do with each other. Takes any document: a value of the wrong type is somebody else's finding. */
export function crossFieldErrors(document: unknown): FieldError[] {
  return [
    ...versionErrors(document),
    ...notAbove(document, '/cluster/probeTimeout', '/cluster/probeInterval', parsePrometheusDuration),
    ...['/controllers', '/workers'].flatMap((set) =>
      ['cpu', 'memory'].flatMap((name) =>
        notAbove(
          document,
          `${set}/resources/requests/${name}`,
          `${set}/resources/limits/${name}`,
          parseKubernetesQuantity,
        ),
      ),
    ),
  ];
}

function versionErrors(document: unknown): FieldError[] {
  const version = valueAt(document, '/version');
  const [, major, minor] = typeof version === 'string' ? (/^(\d+)\.(\d+)\.\d/.exec(version) ?? []) : [];
  if (major === undefined || minor === undefined) return [];
  const [oldestMajor, oldestMinor] = OLDEST_VERSION;
  const supported = Number(major) > oldestMajor || Number(minor) >= oldestMinor;
  if (supported) return [];
  const detail = `must be at least ${oldestMajor}.${oldestMinor}.0`;
  return [{ pointer: '/version', code: 'unsupported-version', detail }];
}

function notAbove(
  document: unknown,
  lower: string,
  upper: string,
  parse: (text: string) => number | undefined,
): FieldError[] {
  const numberAt = (pointer: string): number | undefined => {
    const value = valueAt(document, pointer);
    return typeof value === 'string' ? parse(value) : undefined;
  };
  const [low, high] = [numberAt(lower), numberAt(upper)];
  if (low === undefined || high === undefined || low <= high) return [];
  return [{ pointer: lower, code: 'out-of-range', detail: `must not be more than ${upper}` }];
}
