/** Runs asynchronous operations one after the other, in the order they were asked for; a failed one stops nothing. */
export class SerialQueue {
  #last: Promise<unknown> = Promise.resolve();

  /** @returns what the operation returns, or its rejection */
  run<T>(operation: () => Promise<T>): Promise<T> {
    const result = this.#last.then(operation);
    this.#last = result.catch(() => undefined);
    return result;
  }
}
