import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { backoffDelay } from './backoff.js';
import { Reconciler } from './reconciler.js';

describe('backoffDelay', () => {
  it('stays between half of the cap and the cap, and never shrinks with more failures', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1000 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (failures, random) => {
          const options = { initial: 100, maximum: 5_000 };
          const delay = backoffDelay(failures, options, random);
          expect(delay).toBeGreaterThanOrEqual(50);
          expect(delay).toBeLessThanOrEqual(5_000);
          expect(backoffDelay(failures + 1, options, random)).toBeGreaterThanOrEqual(delay);
        },
      ),
    );
  });
});

describe('Reconciler', () => {
  it('coalesces requests for a waiting key and runs once more for those during a pass', async () => {
    let passes = 0;
    let release = (): void => undefined;
    const reconciler = new Reconciler({
      name: 'test',
      reconcile: async () => {
        passes += 1;
        if (passes === 1) await new Promise<void>((resolve) => (release = resolve));
        return { done: true };
      },
    });
    reconciler.request('a');
    reconciler.request('a');
    await vi.waitFor(() => expect(passes).toBe(1));
    reconciler.request('a');
    reconciler.request('a');
    release();
    await vi.waitFor(() => expect(passes).toBe(2));
    await reconciler.stop();
    expect(passes).toBe(2);
  });

  it('tries a failed key again after a back-off, and a new request cuts the wait short', async () => {
    const retries: number[] = [];
    let fail = true;
    let passes = 0;
    const reconciler = new Reconciler({
      name: 'test',
      backoff: { initial: 60_000, maximum: 60_000 },
      reconcile: () => {
        passes += 1;
        return fail ? Promise.reject(new Error('no')) : Promise.resolve({ done: true });
      },
      onError: (_key, _error, retryIn) => retries.push(retryIn),
    });
    reconciler.request('a');
    await vi.waitFor(() => expect(retries).toHaveLength(1));
    expect(retries[0]).toBeGreaterThanOrEqual(30_000);
    fail = false;
    reconciler.request('a');
    await vi.waitFor(() => expect(passes).toBe(2));
    await reconciler.stop();
  });

  it('aborts the running pass when it stops, and starts no other', async () => {
    let aborted = false;
    const reconciler = new Reconciler({
      name: 'test',
      reconcile: (_key, signal) =>
        new Promise((resolve) =>
          signal.addEventListener('abort', () => {
            aborted = true;
            resolve({ done: true });
          }),
        ),
    });
    reconciler.request('a');
    await new Promise((resolve) => setTimeout(resolve, 20));
    await reconciler.stop();
    expect(aborted).toBe(true);
    reconciler.request('b');
  });
});
