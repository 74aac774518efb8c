export type OperationPhase = 'pending' | 'running' | 'succeeded' | 'failed' | 'cancelled';

export interface OperationStep {
  /** kebab-case, e.g. `start-members`. */
  name: string;
  phase: OperationPhase;
  /** What it is doing, or what went wrong. */
  message: string;
  /** RFC 3339. */
  startedAt: string | null;
  finishedAt: string | null;
}

/** One thing that happened. */
export interface OperationLogLine {
  /** RFC 3339. */
  time: string;
  message: string;
}

/** Older lines are dropped. */
const MAX_LOG_LINES = 100;

/** Long work as a resource. Kept in the store under kind `operation`, so that it outlives the gateway. */
export interface Operation {
  /** e.g. `alerting.install` */
  kind: string;
  /** What it works on, as a path of the API. */
  target: string;
  phase: OperationPhase;
  steps: OperationStep[];
  /** 0-1: share of the steps that ended. */
  progress: number;
  error: { code: string; detail: string } | null;
  /** The newest lines, oldest first; not there in operations of older releases. */
  log?: OperationLogLine[];
  createdAt: string;
  finishedAt: string | null;
}

export const OPERATION_KIND = 'operation';

export function hasEnded(operation: Operation): boolean {
  return operation.phase === 'succeeded' || operation.phase === 'failed' || operation.phase === 'cancelled';
}

/** A new operation whose steps all wait. */
export function pendingOperation(kind: string, target: string, steps: string[], now: string): Operation {
  return {
    kind,
    target,
    phase: 'pending',
    steps: steps.map((name) => ({ name, phase: 'pending', message: '', startedAt: null, finishedAt: null })),
    progress: 0,
    error: null,
    log: [],
    createdAt: now,
    finishedAt: null,
  };
}

/**
 * The operation with `name` as its current step: earlier steps have succeeded, later ones wait.
 * Answers the same object when nothing changes, so that callers can skip the write.
 */
export function atStep(operation: Operation, name: string, message: string, now: string): Operation {
  const index = operation.steps.findIndex((step) => step.name === name);
  const current = operation.steps[index];
  if (current === undefined || hasEnded(operation)) return operation;
  if (current.phase === 'running' && current.message === message) return operation;
  const steps = operation.steps.map((step, position) => {
    if (position < index) return finishStep(step, 'succeeded', now);
    if (position > index) return step;
    return { ...step, phase: 'running' as const, message, startedAt: step.startedAt ?? now };
  });
  const log = logged(operation, `${name}: ${message}`, now);
  return { ...operation, phase: 'running', steps, progress: index / steps.length, log };
}

export function succeeded(operation: Operation, now: string): Operation {
  if (hasEnded(operation)) return operation;
  const steps = operation.steps.map((step) => finishStep(step, 'succeeded', now));
  const log = logged(operation, 'succeeded', now);
  return { ...operation, phase: 'succeeded', steps, progress: 1, log, finishedAt: now };
}

/** Ends it with an error; the step that ran carries the detail. */
export function failed(
  operation: Operation,
  error: { code: string; detail: string },
  now: string,
): Operation {
  if (hasEnded(operation)) return operation;
  const steps = operation.steps.map((step) =>
    step.phase === 'running' ? { ...finishStep(step, 'failed', now), message: error.detail } : step,
  );
  const log = logged(operation, `failed: ${error.detail}`, now);
  return { ...operation, phase: 'failed', steps, error, log, finishedAt: now };
}

/** Ends it because something else is wanted now; the step that ran says so. */
export function cancelled(operation: Operation, reason: string, now: string): Operation {
  if (hasEnded(operation)) return operation;
  const steps = operation.steps.map((step) =>
    step.phase === 'running' ? { ...finishStep(step, 'cancelled', now), message: reason } : step,
  );
  const log = logged(operation, `cancelled: ${reason}`, now);
  return { ...operation, phase: 'cancelled', steps, log, finishedAt: now };
}

function logged({ log = [] }: Operation, message: string, time: string): OperationLogLine[] {
  return [...log, { time, message }].slice(-MAX_LOG_LINES);
}

function finishStep(step: OperationStep, phase: OperationPhase, now: string): OperationStep {
  if (step.phase === phase) return step;
  return { ...step, phase, startedAt: step.startedAt ?? now, finishedAt: now };
}
