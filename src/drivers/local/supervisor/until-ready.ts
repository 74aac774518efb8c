import { DomainError } from '../../../platform/errors.js';
import type { ProcessState } from '../supervised-process.js';

interface StateSource {
  state(name: string): ProcessState | undefined;
  onChange(listener: (state: ProcessState) => void): () => void;
}

/** See `ProcessSupervisor.untilReady`. */
export function untilReady(source: StateSource, name: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    let unsubscribe = (): void => undefined;
    const finish = (settle: () => void): void => {
      unsubscribe();
      signal.removeEventListener('abort', onAbort);
      settle();
    };
    const onAbort = (): void => finish(() => reject(notReady(name, source.state(name))));
    const look = (state: ProcessState | undefined): void => {
      if (state?.phase === 'ready') finish(resolve);
      else if (state === undefined || state.phase === 'stopped') finish(() => reject(stopped(name)));
      else if (state.phase === 'crash-looping') finish(() => reject(crashLooping(state)));
      else if (signal.aborted) onAbort();
    };
    unsubscribe = source.onChange((state) => {
      if (state.name === name) look(state);
    });
    signal.addEventListener('abort', onAbort, { once: true });
    look(source.state(name));
  });
}

/** Why it does not run (well), in one sentence; for errors and conditions. */
export function explainState(state: ProcessState): string {
  if (state.error !== null) return `It could not be started: ${state.error}.`;
  const { lastExit } = state;
  if (lastExit === null) return `It runs but does not answer yet (${state.phase}).`;
  const how =
    lastExit.signal !== null
      ? `by ${lastExit.signal}`
      : lastExit.code !== null
        ? `with exit code ${lastExit.code}`
        : 'in an unknown way';
  const line = state.lastOutput.at(-1);
  return `It ended ${how} at ${lastExit.at}${line === undefined ? '' : `; the last it said was: ${line}`}`;
}

function notReady(name: string, state: ProcessState | undefined): DomainError {
  const why = state === undefined ? '' : ` ${explainState(state)}`;
  return new DomainError({
    category: 'timeout',
    code: 'process-not-ready',
    detail: `The process "${name}" did not get ready in time.${why}`,
  });
}

function crashLooping(state: ProcessState): DomainError {
  return new DomainError({
    category: 'unavailable',
    code: 'process-crash-looping',
    detail: `The process "${state.name}" does not stay up. ${explainState(state)}`,
  });
}

function stopped(name: string): DomainError {
  return new DomainError({
    category: 'unavailable',
    code: 'process-stopped',
    detail: `The process "${name}" is stopped, so it does not get ready.`,
  });
}
