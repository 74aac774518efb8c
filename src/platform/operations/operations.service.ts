import { Injectable } from '@nestjs/common';
import { ulid } from 'ulid';
import { Clock } from '../clock.js';
import { withDeadline } from '../deadline.js';
import { DomainError, notFound } from '../errors.js';
import { ReadinessRegistry } from '../http/readiness.js';
import {
  ObjectStore,
  type ListOptions,
  type Page,
  type StoredObject,
  type Write,
} from '../store/object-store.js';
import { cancelled, hasEnded, OPERATION_KIND, pendingOperation, type Operation } from './operation.js';

/** A write that creates an operation in the same transaction as the desired state it works towards. */
export interface PlannedOperation {
  id: string;
  operation: Operation;
  write: Write;
}

/** Operations in the store. It does no work itself: the loop that owns the work moves its operation on. */
@Injectable()
export class OperationsService {
  constructor(
    private readonly store: ObjectStore,
    private readonly clock: Clock,
    private readonly readiness: ReadinessRegistry,
  ) {}

  /** @param steps names in order; `finish` (for work that is done already) is applied before it is written */
  plan(
    kind: string,
    target: string,
    steps: string[],
    finish?: (o: Operation, now: string) => Operation,
  ): PlannedOperation {
    const now = this.clock.timestamp();
    const pending = pendingOperation(kind, target, steps, now);
    const operation = finish ? finish(pending, now) : pending;
    const id = ulid(this.clock.now());
    return {
      id,
      operation,
      write: { op: 'put', kind: OPERATION_KIND, id, document: operation, expected: 'absent' },
    };
  }

  /** What ends an operation whose goal is given up, in the transaction that gives it up; nothing when it has ended. */
  supersede({ id, revision, document }: StoredObject<Operation>, reason: string): Write[] {
    if (hasEnded(document)) return [];
    const ended = cancelled(document, reason, this.clock.timestamp());
    return [{ op: 'put', kind: OPERATION_KIND, id, document: ended, expected: revision }];
  }

  find(id: string): Promise<StoredObject<Operation> | undefined> {
    return this.store.get<Operation>(OPERATION_KIND, id);
  }

  /** @throws DomainError `not-found` */
  async get(id: string): Promise<StoredObject<Operation>> {
    const found = await this.find(id);
    if (!found) throw notFound('operation', id);
    return found;
  }

  list(options: ListOptions): Promise<Page<Operation>> {
    return this.store.list<Operation>(OPERATION_KIND, options);
  }

  /** Applies a pure step to the newest state; writes nothing when `change` answers the object it was given. */
  async update(
    id: string,
    change: (operation: Operation, now: string) => Operation,
  ): Promise<StoredObject<Operation>> {
    for (;;) {
      const current = await this.get(id);
      const next = change(current.document, this.clock.timestamp());
      if (next === current.document) return current;
      try {
        const [written] = await this.store.transact([
          { op: 'put', kind: OPERATION_KIND, id, document: next, expected: current.revision },
        ]);
        return written as StoredObject<Operation>;
      } catch (error) {
        if (!(error instanceof DomainError && error.code === 'revision-mismatch')) throw error;
      }
    }
  }

  /**
   * Waits until the operation ended, at most `timeout` milliseconds and not while the service stops.
   *
   * @returns its newest state, ended or not
   */
  async wait(id: string, timeout: number): Promise<StoredObject<Operation>> {
    const after = await this.store.sequence();
    let current = await this.get(id);
    if (hasEnded(current.document)) return current;
    await withDeadline(timeout, this.readiness.draining, async (signal) => {
      for await (const change of this.store.watch({ kinds: [OPERATION_KIND], after, signal })) {
        if (change.object.id !== id) continue;
        current = change.object as StoredObject<Operation>;
        if (hasEnded(current.document)) break;
      }
    });
    return current;
  }
}
