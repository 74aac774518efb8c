/** A request that the companion answers with an error; the message says what happened and what to do, never a secret. */
export class RequestError extends Error {
  /**
   * @param status HTTP status of the answer
   * @param code stable, kebab-case
   * @param retryAfter seconds, for `Retry-After`
   */
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    readonly retryAfter?: number,
  ) {
    super(detail);
    this.name = 'RequestError';
  }
}
