import { createHash } from 'node:crypto';

/** Lower-case hexadecimal. */
export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/**
 * What Alertmanager shows as `alertmanager_config_hash` when it has loaded a file of these bytes: the first six bytes
 * of their MD5, little-endian (48 bits, so that a float64 holds it exactly).
 */
export function alertmanagerHashOf(bytes: Uint8Array): number {
  return createHash('md5').update(bytes).digest().readUIntLE(0, 6);
}

/** The value of a metric without labels in Prometheus' text format, or null. */
export function metricValue(text: string, name: string): number | null {
  const match = new RegExp(`^${name} (\\S+)$`, 'm').exec(text);
  const value = Number(match?.[1] ?? Number.NaN);
  return Number.isNaN(value) ? null : value;
}
