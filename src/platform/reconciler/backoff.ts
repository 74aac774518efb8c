export interface BackoffOptions {
  /** Milliseconds before the second try. */
  initial: number;
  /** Milliseconds; the delay grows to this and stays there. */
  maximum: number;
}

/**
 * Exponential back-off with full jitter in its upper half: between 50 % and 100 % of `initial * 2^failures`, capped.
 *
 * @param failures how many tries failed in a row, at least 1
 * @param random in [0, 1)
 * @returns milliseconds
 */
export function backoffDelay(failures: number, options: BackoffOptions, random: number): number {
  const full = Math.min(options.maximum, options.initial * 2 ** Math.min(failures - 1, 30));
  return Math.round(full / 2 + (full / 2) * random);
}
