/** All in milliseconds. */
export interface DownloadDeadlines {
  connect: number;
  /** Until the headers of an answer. */
  answer: number;
  /** Between two pieces of a body. */
  idle: number;
  /** For one file as a whole. */
  total: number;
}

export const DEFAULT_DEADLINES: DownloadDeadlines = {
  connect: 4_000,
  answer: 15_000,
  idle: 20_000,
  total: 15 * 60_000,
};
