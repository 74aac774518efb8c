/**
 * Lets callers that ask at the same time have one answer.
 *
 * @param epoch what the answer depends on: a caller does not join a call that began in another epoch, so that it
 *   always sees what happened before it asked
 */
export function sharedCall<T>(task: () => Promise<T>, epoch: () => number): () => Promise<T> {
  let running: { epoch: number; answer: Promise<T> } | null = null;
  return () => {
    if (running !== null && running.epoch === epoch()) return running.answer;
    const answer = task().finally(() => {
      if (running?.answer === answer) running = null;
    });
    running = { epoch: epoch(), answer };
    return answer;
  };
}
