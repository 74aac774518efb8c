import { Body, Controller, Delete, Get, HttpCode, Module, Patch, Post, Put, Res } from '@nestjs/common';
import {
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import { instanceToPlain } from 'class-transformer';
import type { FastifyReply } from 'fastify';
import { DomainError, notFound } from '../../src/platform/errors.js';
import { toDto } from '../../src/platform/http/dto.pipe.js';
import { mergePatch } from '../../src/platform/http/merge-patch.js';
import { ObjectId } from '../../src/platform/http/object-id.js';
import {
  expectedRevision,
  Preconditions,
  type WritePreconditions,
} from '../../src/platform/http/preconditions.js';
import { ForceQueryDto, ListQueryDto } from '../../src/platform/http/query.dto.js';
import { listOptions } from '../../src/platform/http/list-options.js';
import { QueryParams } from '../../src/platform/http/query-params.js';
import { AcceptsReadBack, RequestBody, WithETag } from '../../src/platform/http/route-options.js';
import { ToyDto, ToyListDto, ToySpecDto } from './toy.dto.js';

/** A resource as every resource of the API is, over a map: for the tests of the conventions only. */
@ApiTags('toys')
@Controller('api/v1/toys')
export class ToyController {
  private readonly toys = new Map<string, ToyDto>();
  private count = 0;

  @Get()
  @ApiOperation({ summary: 'List' })
  @ApiOkResponse({ type: ToyListDto })
  list(@QueryParams() query: ListQueryDto): ToyListDto {
    const { limit = 100, cursor } = listOptions(query);
    const sorted = [...this.toys.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
    const rest = sorted.filter(({ id }) => cursor === undefined || id > cursor);
    const items = rest.slice(0, limit);
    return { items, next: rest.length > limit ? (items.at(-1)?.id ?? null) : null };
  }

  @Post()
  @WithETag()
  @ApiOperation({ summary: 'Create' })
  @ApiCreatedResponse({ type: ToyDto })
  create(@Body() spec: ToySpecDto, @Res({ passthrough: true }) reply: FastifyReply): ToyDto {
    const id = `toy-${++this.count}`;
    void reply.code(201).header('location', `/api/v1/toys/${id}`);
    return this.write(id, spec, {});
  }

  @Get(':id')
  @WithETag()
  @ApiOperation({ summary: 'Read' })
  @ApiOkResponse({ type: ToyDto })
  read(@ObjectId() id: string): ToyDto {
    return this.existing(id);
  }

  @Put(':id')
  @WithETag()
  @AcceptsReadBack()
  @ApiOperation({ summary: 'Create or replace' })
  @ApiOkResponse({ type: ToyDto })
  @ApiCreatedResponse({ type: ToyDto })
  replace(
    @ObjectId() id: string,
    @Body() spec: ToySpecDto,
    @Preconditions() preconditions: WritePreconditions,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): ToyDto {
    void reply.code(this.toys.has(id) ? 200 : 201);
    return this.write(id, spec, preconditions);
  }

  @Patch(':id')
  @WithETag()
  @ApiOperation({ summary: 'Change some members' })
  @ApiOkResponse({ type: ToyDto })
  patch(
    @ObjectId() id: string,
    @Body() patch: object,
    @Preconditions() preconditions: WritePreconditions,
  ): ToyDto {
    const { id: _id, revision: _revision, status: _status, ...spec } = this.existing(id);
    return this.write(id, toDto(ToySpecDto, mergePatch(spec, patch)), preconditions);
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({ summary: 'Remove' })
  @ApiNoContentResponse()
  remove(@ObjectId() id: string, @QueryParams() _query: ForceQueryDto): void {
    this.existing(id);
    this.toys.delete(id);
  }

  @Post(':id/break')
  @ApiOperation({ summary: 'A bug' })
  @ApiOkResponse({ schema: { type: 'object' } })
  fail(): never {
    throw new TypeError('the secret is hunter2');
  }

  @Post(':id/busy')
  @ApiOperation({ summary: 'Too many requests' })
  @ApiOkResponse({ schema: { type: 'object' } })
  busy(): never {
    throw new DomainError({
      category: 'too-many-requests',
      code: 'busy',
      detail: 'Too much at once.',
      retryAfter: 3,
      extensions: { dependents: ['a'] },
    });
  }

  @Post(':id/text')
  @HttpCode(200)
  @RequestBody({ types: ['application/yaml'], limit: 16 * 1024 * 1024 })
  @ApiOperation({ summary: 'Another media type' })
  @ApiOkResponse({ schema: { type: 'object' } })
  text(@Body() body: Buffer): { bytes: number } {
    return { bytes: body.length };
  }

  @Post(':id/slow')
  @HttpCode(200)
  @ApiOperation({ summary: 'Answers when it is told to' })
  @ApiOkResponse({ schema: { type: 'object' } })
  async slow(): Promise<{ done: true }> {
    await new Promise<void>((resolve) => slowRequests.push(resolve));
    return { done: true };
  }

  private existing(id: string): ToyDto {
    const toy = this.toys.get(id);
    if (!toy) throw notFound('toy', id);
    return toy;
  }

  private write(id: string, spec: ToySpecDto, preconditions: WritePreconditions): ToyDto {
    const current = this.toys.get(id)?.revision;
    const expected = expectedRevision(preconditions, current);
    if (expected !== undefined && expected !== (current ?? 'absent')) {
      throw new DomainError({
        category: 'precondition-failed',
        code: 'revision-mismatch',
        detail: 'It has another revision.',
      });
    }
    const toy: ToyDto = {
      ...(instanceToPlain(spec) as ToySpecDto),
      id,
      revision: (current ?? 0) + 1,
      status: { lastError: null },
    };
    this.toys.set(id, toy);
    return toy;
  }
}

/** Requests to `/slow` that wait; call one to let it answer. */
export const slowRequests: (() => void)[] = [];

@Module({ controllers: [ToyController] })
export class ToyModule {}
