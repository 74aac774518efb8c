/** How a stream deals with its reader. Times in milliseconds. */
export class EventStreamLimits {
  /** Between comments that keep the connection alive. */
  heartbeatMs = 15_000;
  /** How long a reader that takes nothing may keep a batch of changes in memory. */
  holdMs = 1_000;
  /** A reader that took nothing for so long, and missed more than `lag` changes of the store, starts over. */
  stallMs = 15_000;
  lag = 1_000;
  /** A reader that took nothing for so long is disconnected. */
  closeAfterMs = 5 * 60_000;
  /** Streams at the same time. */
  readers = 1_000;
}
