import { Body, Controller, Delete, Get, HttpCode, Patch, Post, Put, Res } from '@nestjs/common';
import {
  ApiBody,
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Idempotent } from '../../platform/http/idempotency/idempotent.decorator.js';
import { ObjectId } from '../../platform/http/object-id.js';
import { Preconditions, type WritePreconditions } from '../../platform/http/preconditions.js';
import { QueryParams } from '../../platform/http/query-params.js';
import { DryRunQueryDto, ForceQueryDto, ListQueryDto } from '../../platform/http/query.dto.js';
import { AcceptsReadBack, WithETag } from '../../platform/http/route-options.js';
import { listOptions } from '../../platform/http/list-options.js';
import { EndpointDto, EndpointInputDto, EndpointListDto } from './endpoint.dto.js';
import { EndpointsService } from './endpoints.service.js';

export const ENDPOINTS_PATH = '/api/v1/alerting/endpoints';

/** Places that alerts are delivered to. */
@ApiTags('alerting: endpoints')
@Controller(ENDPOINTS_PATH)
export class EndpointsController {
  constructor(private readonly endpoints: EndpointsService) {}

  @Get()
  @ApiOperation({ summary: 'List endpoints' })
  @ApiOkResponse({ type: EndpointListDto })
  list(@QueryParams() query: ListQueryDto): Promise<EndpointListDto> {
    return this.endpoints.list(listOptions(query));
  }

  @Post()
  @Idempotent()
  @WithETag()
  @ApiOperation({ summary: 'Create an endpoint with an id of its own' })
  @ApiCreatedResponse({ type: EndpointDto })
  @ApiOkResponse({ type: EndpointDto, description: 'dryRun: the endpoint as it would be' })
  async create(
    @Body() input: EndpointInputDto,
    @QueryParams() { dryRun = false }: DryRunQueryDto,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<EndpointDto> {
    const { endpoint } = await this.endpoints.create(input, dryRun);
    if (dryRun) void reply.code(200);
    else void reply.header('location', `${ENDPOINTS_PATH}/${endpoint.id}`);
    return endpoint;
  }

  @Get(':id')
  @WithETag()
  @ApiOperation({ summary: 'Read an endpoint; secrets are ***' })
  @ApiOkResponse({ type: EndpointDto })
  get(@ObjectId() id: string): Promise<EndpointDto> {
    return this.endpoints.get(id);
  }

  @Put(':id')
  @WithETag()
  @AcceptsReadBack()
  @ApiOperation({ summary: 'Replace an endpoint, or create it under this id' })
  @ApiOkResponse({ type: EndpointDto })
  @ApiCreatedResponse({ type: EndpointDto })
  async put(
    @ObjectId() id: string,
    @Body() input: EndpointInputDto,
    @Preconditions() preconditions: WritePreconditions,
    @QueryParams() { dryRun = false }: DryRunQueryDto,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<EndpointDto> {
    const { endpoint, created } = await this.endpoints.put(id, input, preconditions, dryRun);
    if (created && !dryRun) void reply.code(201).header('location', `${ENDPOINTS_PATH}/${id}`);
    return endpoint;
  }

  @Patch(':id')
  @WithETag()
  @ApiOperation({ summary: 'Change parts of an endpoint (JSON merge patch)' })
  @ApiBody({
    schema: {
      type: 'object',
      additionalProperties: true,
      example: { notifications: { severities: ['critical'] } },
    },
  })
  @ApiOkResponse({ type: EndpointDto })
  patch(
    @ObjectId() id: string,
    @Body() patch: object,
    @Preconditions() preconditions: WritePreconditions,
    @QueryParams() { dryRun = false }: DryRunQueryDto,
  ): Promise<EndpointDto> {
    return this.endpoints.patch(id, patch, preconditions, dryRun);
  }

  /** Nothing refers to endpoints before there are alarms; then `force` removes one that is in use. */
  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({ summary: 'Remove an endpoint' })
  @ApiNoContentResponse()
  delete(
    @ObjectId() id: string,
    @Preconditions() preconditions: WritePreconditions,
    @QueryParams() _query: ForceQueryDto,
  ): Promise<void> {
    return this.endpoints.delete(id, preconditions);
  }
}
