import { describe, expect, it } from 'vitest';
import { withDeadline } from './deadline.js';

const hang = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    const refuse = (): void => reject(signal.reason as Error);
    if (signal.aborted) refuse();
    signal.addEventListener('abort', refuse);
  });

describe('withDeadline', () => {
  it('answers what the call answers', async () => {
    expect(await withDeadline(1_000, undefined, () => Promise.resolve(7))).toBe(7);
  });

  it('aborts a call that takes too long, and says how long', async () => {
    await expect(withDeadline(20, undefined, hang)).rejects.toThrow('no answer within 20 ms');
  });

  it('aborts with the reason of the caller, also one that was aborted before', async () => {
    const controller = new AbortController();
    const call = withDeadline(60_000, controller.signal, hang);
    controller.abort(new Error('stopping'));
    await expect(call).rejects.toThrow('stopping');
    await expect(withDeadline(60_000, controller.signal, hang)).rejects.toThrow('stopping');
  });
});
