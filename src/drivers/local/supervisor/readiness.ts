import { setTimeout as delay } from 'node:timers/promises';

export interface ReadinessTimings {
  /** Milliseconds that one question may take. */
  deadline: number;
  /** Milliseconds between questions until it is ready: from … growing to … */
  initialInterval: number;
  maximumInterval: number;
  /** Milliseconds between questions once it is ready. */
  steadyInterval: number;
  /** Unanswered questions in a row that make a ready process unready; one slow answer is no outage. */
  failures: number;
}

/** A process that stops answering is `unready` after at most 2 + 1 + 0.1 + 1 seconds. */
export const DEFAULT_READINESS: ReadinessTimings = {
  deadline: 1000,
  initialInterval: 100,
  maximumInterval: 1000,
  steadyInterval: 2000,
  failures: 2,
};

/** Asks again and again until `signal` aborts; tells only changes. Never rejects. */
export async function watchReadiness(
  ready: (signal: AbortSignal) => Promise<boolean>,
  onChange: (ready: boolean) => void,
  signal: AbortSignal,
  timings: ReadinessTimings,
): Promise<void> {
  let isReady = false;
  let failures = 0;
  let interval = timings.initialInterval;
  while (!signal.aborted) {
    const answer = await ask(ready, signal, timings.deadline);
    if (signal.aborted) return;
    failures = answer ? 0 : failures + 1;
    if (answer !== isReady && (answer || failures >= timings.failures)) {
      isReady = answer;
      interval = timings.initialInterval;
      onChange(isReady);
    }
    if (answer) await pause(timings.steadyInterval, signal);
    else if (isReady) await pause(timings.initialInterval, signal);
    else {
      await pause(interval, signal);
      interval = Math.min(timings.maximumInterval, interval * 1.5);
    }
  }
}

/** `false` when it throws or does not answer in time, also if it ignores its signal. */
async function ask(
  ready: (signal: AbortSignal) => Promise<boolean>,
  signal: AbortSignal,
  deadline: number,
): Promise<boolean> {
  const controller = new AbortController();
  const abort = (): void => controller.abort(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  const timer = setTimeout(
    () => controller.abort(new Error('the readiness question took too long')),
    deadline,
  );
  const tooLate = new Promise<boolean>((resolve) => {
    controller.signal.addEventListener('abort', () => resolve(false), { once: true });
  });
  try {
    return await Promise.race([ready(controller.signal).catch(() => false), tooLate]);
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, { signal }).catch(() => undefined);
}
