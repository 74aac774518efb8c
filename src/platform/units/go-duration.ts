import { parsePrometheusDuration } from './prometheus-duration.js';

/**
 * A Prometheus duration as Go's `time.ParseDuration` reads it, for flags that know no days, weeks and years.
 *
 * @throws Error for a text that is no duration; documents have been checked before
 */
export function toGoDuration(text: string): string {
  const milliseconds = parsePrometheusDuration(text);
  if (milliseconds === undefined) throw new Error(`not a duration: ${text}`);
  return /[dwy]/.test(text) ? `${milliseconds}ms` : text;
}
