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

  it('counts quick deaths in a row', () => {
    expect(decisions([1, 1, 1]).map(({ quickDeaths }) => quickDeaths)).toEqual([1, 2, 3]);
  });

  it('forgets the deaths before a long run', () => {
    const [, , third, fourth] = decisions([1, 1, 1, policy.healthyAfter]);
    expect(third?.quickDeaths).toBe(3);
    expect(fourth).toEqual({ quickDeaths: 1, delay: 100 });
  });

  it('spreads restarts over the upper half of the delay', () => {
    expect(decisions([1, 1], 0).map(({ delay }) => delay)).toEqual([50, 100]);
  });
});
