import { describe, expect, it } from 'vitest';
import { decideRestart, DEFAULT_RESTART_POLICY as policy } from './restart-policy.js';

/** The decisions after deaths that each followed a run of so many milliseconds. */
function decisions(runs: number[], random = 1): ReturnType<typeof decideRestart>[] {
  let quickDeaths = 0;
  return runs.map((ranFor) => {
    const decision = decideRestart(quickDeaths, ranFor, policy, random);
    quickDeaths = decision.quickDeaths;
    return decision;
  });
}

describe('decideRestart', () => {
  it('starts again at once after the first death, then waits twice as long each time, up to the maximum', () => {
    const delays = decisions(Array.from({ length: 12 }, () => 10)).map(({ delay }) => delay);
    expect(delays.slice(0, 4)).toEqual([100, 200, 400, 800]);
    expect(delays.slice(-2)).toEqual([30_000, 30_000]);
  });

  it('calls it a crash loop from the fifth quick death on', () => {
    expect(decisions([1, 1, 1, 1, 1, 1]).map(({ crashLooping }) => crashLooping)).toEqual([
      false,
      false,
      false,
      false,
      true,
      true,
    ]);
  });

  it('forgets the deaths before a long run', () => {
    const [, , , , fifth, sixth] = decisions([1, 1, 1, 1, 1, policy.healthyAfter]);
    expect(fifth?.crashLooping).toBe(true);
    expect(sixth).toEqual({ quickDeaths: 1, delay: 100, crashLooping: false });
  });

  it('spreads restarts over the upper half of the delay', () => {
    expect(decisions([1, 1], 0).map(({ delay }) => delay)).toEqual([50, 100]);
  });
});
