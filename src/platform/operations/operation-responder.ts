import { Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { waitMilliseconds, type WaitQueryDto } from '../http/query.dto.js';
import type { StoredObject } from '../store/object-store.js';
import { hasEnded, type Operation } from './operation.js';
import type { OperationDto } from './operation.dto.js';
import { OperationsService } from './operations.service.js';

export const OPERATIONS_PATH = '/api/v1/operations';

/** Answers a call that started long work: `202` while it runs, `200` when it has ended; `Location` either way. */
@Injectable()
export class OperationResponder {
  constructor(private readonly operations: OperationsService) {}

  async respond(
    started: StoredObject<Operation>,
    query: WaitQueryDto,
    reply: FastifyReply,
  ): Promise<OperationDto> {
    const timeout = waitMilliseconds(query);
    const operation = timeout === undefined ? started : await this.operations.wait(started.id, timeout);
    void reply
      .code(hasEnded(operation.document) ? 200 : 202)
      .header('location', `${OPERATIONS_PATH}/${operation.id}`);
    return readOperation(operation);
  }
}

export function readOperation({ id, revision, document }: StoredObject<Operation>): OperationDto {
  return { id, ...document, log: document.log ?? [], revision };
}
