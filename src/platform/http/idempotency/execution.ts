import { AsyncLocalStorage } from 'node:async_hooks';
import { DomainError } from '../../errors.js';
import { ObjectStore, type Write } from '../../store/object-store.js';
import {
  IDEMPOTENCY_KIND,
  inProgress,
  type IdempotencyRecord,
  type KeyedRequest,
} from './idempotency-record.js';

/** One run of a handler under a key. */
export interface Execution {
  readonly id: string;
  readonly request: KeyedRequest;
  record: IdempotencyRecord;
  /** Of the record; whoever takes the key over raises it, and everything this run still writes is refused. */
  revision: number;
  /** Until the handler has answered. */
  open: boolean;
  /** A transaction that takes the record along is under way. */
  joining: boolean;
}

const current = new AsyncLocalStorage<Execution>();

/** Calls `step`, and everything that follows from it, as part of the execution. */
export function runIn(execution: Execution, step: () => void): void {
  current.run(execution, step);
}

/**
 * The store as the parts of the application get it. The first transaction of an execution that creates something (a put
 * with `expected: 'absent'`; the first such put is what the answer shows) also notes that on the record of the key:
 * both or neither are durable, and neither when another run has taken the key over.
 */
export function joinExecutions<T extends ObjectStore>(store: T): T {
  const transact: ObjectStore['transact'] = async (writes, options) => {
    const execution = current.getStore();
    const creation = writes.find((write) => write.op === 'put' && write.expected === 'absent');
    if (!creation || !execution?.open || execution.joining || execution.record.created) {
      return store.transact(writes, options);
    }
    const { kind, id } = creation;
    const record: IdempotencyRecord = { ...execution.record, phase: 'created', created: { kind, id } };
    execution.joining = true;
    try {
      const results = await store.transact([...writes, putRecord(execution, record)], options);
      execution.revision = results.pop()?.revision ?? 0;
      execution.record = record;
      return results;
    } catch (error) {
      const found = isStale(error) ? await store.get(IDEMPOTENCY_KIND, execution.id) : undefined;
      if (isStale(error) && found?.revision !== execution.revision) throw inProgress();
      throw error;
    } finally {
      execution.joining = false;
    }
  };
  return new Proxy(store, {
    get: (target, name) => {
      if (name === 'transact') return transact;
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
}

/** The new state of an execution's record, unless somebody else has it now. */
export function putRecord({ id, revision }: Execution, document: IdempotencyRecord): Write {
  return { op: 'put', kind: IDEMPOTENCY_KIND, id, document, expected: revision };
}

export function isStale(error: unknown): boolean {
  return (
    error instanceof DomainError && ['revision-mismatch', 'already-exists', 'not-found'].includes(error.code)
  );
}
