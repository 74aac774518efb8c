import { Injectable } from '@nestjs/common';
import { DomainError } from '../errors.js';
import type { StoredObject } from '../store/object-store.js';
import { hasEnded, type Operation } from './operation.js';
import { OperationsService } from './operations.service.js';

/**
 * Gives an operation up: in one transaction, the desired state that it worked towards becomes another one and the operation
 * ends (`OperationsService.supersede`). The loop that works finds both, and stops.
 *
 * @throws DomainError `operation-ended` when it has ended meanwhile
 */
type Canceller = (operation: StoredObject<Operation>) => Promise<void>;

/** Which operations can be cancelled, and how. Each backend adds its own kinds when it starts. */
@Injectable()
export class OperationCancellers {
  readonly #byKind = new Map<string, Canceller>();

  constructor(private readonly operations: OperationsService) {}

  add(kind: string, cancel: Canceller): void {
    this.#byKind.set(kind, cancel);
  }

  /**
   * @returns the operation afterwards
   * @throws DomainError `not-found`, `operation-ended`, `operation-not-cancellable` (conflict)
   */
  async cancel(id: string): Promise<StoredObject<Operation>> {
    const operation = await this.operations.get(id);
    if (hasEnded(operation.document)) throw operationEnded(operation);
    const cancel = this.#byKind.get(operation.document.kind);
    if (!cancel) {
      throw new DomainError({
        category: 'conflict',
        code: 'operation-not-cancellable',
        detail: `An operation of the kind ${operation.document.kind} cannot be cancelled. Let it end, then ask for the opposite.`,
      });
    }
    await cancel(operation);
    return this.operations.get(id);
  }
}

export function operationEnded({ id, document }: StoredObject<Operation>): DomainError {
  return new DomainError({
    category: 'conflict',
    code: 'operation-ended',
    detail: `The operation "${id}" has ended: it ${document.phase === 'cancelled' ? 'was cancelled' : document.phase}. There is nothing to cancel.`,
    extensions: { phase: document.phase },
  });
}
