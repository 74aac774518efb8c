import type { Clock } from '../../../platform/clock.js';
import { decideRestart, type RestartPolicy } from './restart-policy.js';

/** When a program that died is started again: the policy's memory and the timer. */
export class RestartSchedule {
  readonly #policy: RestartPolicy;
  readonly #random: () => number;
  readonly #clock: Clock;
  readonly #start: () => void;
  #quickDeaths = 0;
  #nextStartAt: string | null = null;
  #timer: NodeJS.Timeout | undefined;

  /** @param start called when the delay is over */
  constructor(policy: RestartPolicy, random: () => number, clock: Clock, start: () => void) {
    this.#policy = policy;
    this.#random = random;
    this.#clock = clock;
    this.#start = start;
  }

  /** RFC 3339; `null` when no start is due. */
  get nextStartAt(): string | null {
    return this.#nextStartAt;
  }

  get isCrashLooping(): boolean {
    return this.#quickDeaths >= this.#policy.crashLoopAfter;
  }

  /** @param ranFor milliseconds; 0 when it could not even be started */
  afterDeath(ranFor: number): void {
    this.cancel();
    const { quickDeaths, delay } = decideRestart(this.#quickDeaths, ranFor, this.#policy, this.#random());
    this.#quickDeaths = quickDeaths;
    this.#nextStartAt = new Date(this.#clock.now() + delay).toISOString();
    this.#timer = setTimeout(this.#start, delay);
  }

  cancel(): void {
    clearTimeout(this.#timer);
    this.#nextStartAt = null;
  }

  /** Another program, or somebody's wish: what happened before does not count. */
  forget(): void {
    this.#quickDeaths = 0;
  }
}
