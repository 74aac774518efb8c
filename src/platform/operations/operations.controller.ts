import { Controller, Get, HttpCode, Post, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { listOptions } from '../http/list-options.js';
import { ObjectId } from '../http/object-id.js';
import { QueryParams } from '../http/query-params.js';
import { ListQueryDto, WaitQueryDto, waitMilliseconds } from '../http/query.dto.js';
import { WithETag } from '../http/route-options.js';
import { OperationCancellers } from './operation-cancellers.js';
import { OperationDto, OperationListDto } from './operation.dto.js';
import { OPERATIONS_PATH, readOperation } from './operation-responder.js';
import { OperationsService } from './operations.service.js';

@ApiTags('operations')
@Controller(OPERATIONS_PATH)
export class OperationsController {
  constructor(
    private readonly operations: OperationsService,
    private readonly cancellers: OperationCancellers,
  ) {}

  @Get()
  @ApiOperation({ summary: 'List operations, oldest first' })
  @ApiOkResponse({ type: OperationListDto })
  async list(@QueryParams() query: ListQueryDto): Promise<OperationListDto> {
    const { items, next } = await this.operations.list(listOptions(query));
    return { items: items.map(readOperation), next };
  }

  @Get(':id')
  @WithETag()
  @ApiOperation({ summary: 'Read an operation; with wait, once it has ended' })
  @ApiOkResponse({ type: OperationDto })
  async get(@ObjectId() id: string, @QueryParams() query: WaitQueryDto): Promise<OperationDto> {
    const timeout = waitMilliseconds(query);
    return readOperation(
      await (timeout === undefined ? this.operations.get(id) : this.operations.wait(id, timeout)),
    );
  }

  @Post(':id/cancel')
  @HttpCode(200)
  @WithETag()
  @ApiOperation({
    summary: 'Give an operation up',
    description:
      'Of an installation: the backend is then to be uninstalled, and an operation that removes what was started follows; data stays. `409 operation-ended`, `409 operation-not-cancellable`.',
  })
  @ApiOkResponse({ type: OperationDto, description: 'The operation, cancelled' })
  async cancel(
    @ObjectId() id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OperationDto> {
    const operation = await this.cancellers.cancel(id);
    void reply.header('location', `${OPERATIONS_PATH}/${id}`);
    return readOperation(operation);
  }
}
