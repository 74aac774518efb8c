import { describe, expect, it } from 'vitest';
import { sharedCall } from './shared-call.js';

describe('sharedCall', () => {
  it('gives callers of the same time one answer, and later ones another', async () => {
    let calls = 0;
    const ask = sharedCall(
      async () => (calls += 1),
      () => 0,
    );
    expect(await Promise.all([ask(), ask(), ask()])).toEqual([1, 1, 1]);
    expect(await ask()).toBe(2);
  });

  it('asks anew after a failure', async () => {
    let calls = 0;
    const ask = sharedCall(
      async () => {
        if ((calls += 1) === 1) throw new Error('no');
        return calls;
      },
      () => 0,
    );
    await expect(Promise.all([ask(), ask()])).rejects.toThrow('no');
    expect(await ask()).toBe(2);
  });

  it('does not give what began before a change', async () => {
    let epoch = 0;
    const ask = sharedCall(
      async () => epoch,
      () => epoch,
    );
    const before = ask();
    epoch = 1;
    const after = ask();
    expect(after).not.toBe(before);
    expect(await after).toBe(1);
  });
});
