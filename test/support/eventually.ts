import { setTimeout as delay } from 'node:timers/promises';

/**
 * Waits until `probe` returns something other than `undefined`, `null` and `false`, and returns it.
 * @param timeout milliseconds; then the test fails with the last error of `probe`, or with `what`
 */
export async function eventually<T>(
  what: string,
  probe: () => T | Promise<T>,
  timeout = 10_000,
): Promise<Exclude<T, undefined | null | false>> {
  const deadline = performance.now() + timeout;
  let cause: unknown;
  for (;;) {
    try {
      const value = await probe();
      cause = undefined;
      if (value !== undefined && value !== null && value !== false) {
        return value as Exclude<T, undefined | null | false>;
      }
    } catch (error) {
      cause = error;
    }
    if (performance.now() > deadline) throw new Error(`Not within ${timeout} ms: ${what}`, { cause });
    await delay(25);
  }
}
