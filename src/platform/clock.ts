/** Where logic depends on time it asks this, so that tests can move it. */
export abstract class Clock {
  /** Milliseconds since the epoch. */
  abstract now(): number;

  /** RFC 3339 in UTC with milliseconds. */
  timestamp(): string {
    return new Date(this.now()).toISOString();
  }
}

export class SystemClock extends Clock {
  override now(): number {
    return Date.now();
  }
}
