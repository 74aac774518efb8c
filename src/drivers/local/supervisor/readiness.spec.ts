import { describe, expect, it } from 'vitest';
import { watchReadiness } from './readiness.js';

const timings = { deadline: 20, initialInterval: 1, maximumInterval: 5, steadyInterval: 1, failures: 2 };

/** The changes told while the questions are answered like this; an answer `never` ignores even its signal. */
async function changes(answers: (boolean | 'never' | 'throws')[]): Promise<boolean[]> {
  const told: boolean[] = [];
  const controller = new AbortController();
  const ready = (): Promise<boolean> => {
    const answer = answers.shift();
    if (answer === undefined) controller.abort();
    if (answer === 'never') return new Promise(() => undefined);
    if (answer === 'throws') throw new Error('at once');
    return Promise.resolve(answer ?? false);
  };
  await watchReadiness(ready, (now) => told.push(now), controller.signal, timings);
  return told;
}

describe('watchReadiness', () => {
  it('tells only changes', async () => {
    expect(await changes([false, false, true, true, true, false, false, true])).toEqual([true, false, true]);
  });

  it('takes one unanswered question for slowness, two for an outage', async () => {
    expect(await changes([true, 'never', true, 'throws', true])).toEqual([true]);
    expect(await changes([true, 'never', 'throws'])).toEqual([true, false]);
  });
});
