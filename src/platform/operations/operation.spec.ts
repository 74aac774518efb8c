import { describe, expect, it } from 'vitest';
import { atStep, cancelled, failed, pendingOperation, succeeded } from './operation.js';

const at = (second: number): string => new Date(second * 1000).toISOString();
const fresh = pendingOperation(
  'alerting.install',
  '/api/v1/alerting/installation',
  ['find', 'start', 'prove'],
  at(0),
);

describe('operation', () => {
  it('finishes the steps before the current one and counts them as progress', () => {
    const operation = atStep(fresh, 'start', 'starting controller-0', at(1));
    expect(operation.phase).toBe('running');
    expect(operation.steps.map((step) => step.phase)).toEqual(['succeeded', 'running', 'pending']);
    expect(operation.progress).toBeCloseTo(1 / 3);
  });

  it('is the same object when nothing changed', () => {
    const operation = atStep(fresh, 'find', 'looking', at(1));
    expect(atStep(operation, 'find', 'looking', at(2))).toBe(operation);
  });

  it('keeps what failed on the step that ran', () => {
    const operation = failed(
      atStep(fresh, 'find', 'looking', at(1)),
      { code: 'x', detail: 'no such program' },
      at(2),
    );
    expect(operation.steps[0]).toMatchObject({
      phase: 'failed',
      message: 'no such program',
      finishedAt: at(2),
    });
    expect(operation).toMatchObject({ phase: 'failed', finishedAt: at(2), error: { code: 'x' } });
  });

  it('says on the step that ran why it was cancelled', () => {
    const operation = cancelled(atStep(fresh, 'start', 'starting', at(1)), 'uninstalled meanwhile', at(2));
    expect(operation.steps.map((step) => step.phase)).toEqual(['succeeded', 'cancelled', 'pending']);
    expect(operation.steps[1]).toMatchObject({ message: 'uninstalled meanwhile', finishedAt: at(2) });
    expect(operation).toMatchObject({ phase: 'cancelled', finishedAt: at(2), error: null });
    expect(cancelled(succeeded(fresh, at(3)), 'late', at(4)).phase).toBe('succeeded');
  });

  it('logs what happened, the newest 100 lines', () => {
    let operation = fresh;
    for (let second = 1; second <= 150; second += 1) {
      operation = atStep(operation, 'find', `try ${second}`, at(second));
    }
    expect(operation.log).toHaveLength(100);
    expect(operation.log?.[0]).toEqual({ time: at(51), message: 'find: try 51' });
    const { log: _none, ...old } = operation;
    expect(cancelled(old, 'by request', at(200)).log).toEqual([
      { time: at(200), message: 'cancelled: by request' },
    ]);
  });

  it('never changes once it ended', () => {
    const ended = succeeded(fresh, at(3));
    expect(ended.progress).toBe(1);
    expect(failed(ended, { code: 'x', detail: 'late' }, at(4))).toBe(ended);
    expect(atStep(ended, 'find', 'late', at(4))).toBe(ended);
  });
});
