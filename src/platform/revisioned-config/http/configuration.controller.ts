import { Body, Delete, Get, HttpCode, Inject, Param, Patch, Post, Put, Res, type Type } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiBody,
  ApiExtraModels,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiProperty,
  getSchemaPath,
} from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { DomainError, invalid } from '../../errors.js';
import { Preconditions, type WritePreconditions } from '../../http/preconditions.js';
import { QueryParams } from '../../http/query-params.js';
import { AcceptsReadBack, RequestBody, WithETag } from '../../http/route-options.js';
import { OperationsService } from '../../operations/operations.service.js';
import type { ConfigurationChange, ConfigurationTarget } from '../configuration-kind.js';
import { Author } from './author.decorator.js';
import { ConfigurationMount } from './configuration-mount.js';
import { bodyOf, ConfigurationWriter, type ConfigurationBody } from './configuration-writer.js';
import {
  ConfigurationWriteQueryDto,
  DiffDto,
  DiffQueryDto,
  DryRunDto,
  ResetDto,
  RevisionListQueryDto,
  RollbackDto,
} from './configuration.dto.js';

export interface ConfigurationControllerOptions<T extends object> {
  /** DTO class of the document: what answers look like. */
  document: Type<T>;
  /** The backend's own. */
  mount: new (...parts: never[]) => ConfigurationMount<T>;
  /** Bodies that can be pasted and run. */
  examples: { put: object; patch: object; reset: ResetDto };
}

/**
 * The paths of one configuration below the backend's own, as a class to extend:
 * `@Controller('/api/v1/x') class XConfigurationController extends configurationController({…}) {}`.
 */
export function configurationController<T extends object>(options: ConfigurationControllerOptions<T>) {
  const { document, mount: token, examples } = options;
  const View = viewOf(document);
  const list = {
    items: { type: 'array', items: { $ref: getSchemaPath(View) } },
    next: { type: ['string', 'null'] },
  };
  const written = { schema: { oneOf: [{ $ref: getSchemaPath(View) }, { $ref: getSchemaPath(DryRunDto) }] } };
  const rolledOut = {
    ...written,
    description: 'Stored. Location: the operation that rolls it out, if anything runs',
  };
  const notYet = { ...written, description: 'Stored, and not rolled out when the wait ended' };
  const body = (example: object): object => ({
    schema: { type: 'object', additionalProperties: true, example },
  });

  @ApiExtraModels(View, DryRunDto)
  abstract class RevisionedConfigurationController {
    readonly writer: ConfigurationWriter<T>;

    constructor(
      @Inject(token) readonly mount: ConfigurationMount<T>,
      @Inject(OperationsService) operations: OperationsService,
    ) {
      this.writer = new ConfigurationWriter(mount, operations);
    }

    @Get('configuration')
    @WithETag()
    @ApiOperation({
      summary: 'Read the active document; before the first write, the default with revision 0',
    })
    @ApiOkResponse({ type: View })
    async read(): Promise<ConfigurationBody<T>> {
      return bodyOf(await this.mount.documents.read('active'));
    }

    @Put('configuration')
    @WithETag()
    @AcceptsReadBack({ ignore: ['author'] })
    @ApiOperation({ summary: 'Replace the active document; members left out are filled from the default' })
    @ApiBody(body(examples.put))
    @ApiOkResponse(rolledOut)
    @ApiAcceptedResponse(notYet)
    replace(
      @Body() input: unknown,
      @Preconditions() preconditions: WritePreconditions,
      @QueryParams() query: ConfigurationWriteQueryDto,
      @Author() author: string,
      @Res({ passthrough: true }) reply: FastifyReply,
    ) {
      const change: ConfigurationChange = { op: 'put', document: objectOf(input) };
      return this.writer.write({ target: 'active', change, preconditions, author }, query, reply);
    }

    @Patch('configuration')
    @WithETag()
    @ApiOperation({
      summary: 'Change parts of the active document (JSON merge patch); null: back to the default',
    })
    @ApiBody(body(examples.patch))
    @ApiOkResponse(rolledOut)
    @ApiAcceptedResponse(notYet)
    patch(
      @Body() input: unknown,
      @Preconditions() preconditions: WritePreconditions,
      @QueryParams() query: ConfigurationWriteQueryDto,
      @Author() author: string,
      @Res({ passthrough: true }) reply: FastifyReply,
    ) {
      const change: ConfigurationChange = { op: 'patch', patch: objectOf(input) };
      return this.writer.write({ target: 'active', change, preconditions, author }, query, reply);
    }

    @Get('configuration/default')
    @WithETag()
    @ApiOperation({ summary: 'Read the default document; revision 0 is the built-in one' })
    @ApiOkResponse({ type: View })
    async readDefault(): Promise<ConfigurationBody<T>> {
      return bodyOf(await this.mount.documents.read('default'));
    }

    @Put('configuration/default')
    @WithETag()
    @AcceptsReadBack({ ignore: ['author'] })
    @ApiOperation({
      summary: 'Replace the default document; an active document that was written stays as it is',
    })
    @ApiBody(body(examples.put))
    @ApiOkResponse(rolledOut)
    @ApiAcceptedResponse(notYet)
    replaceDefault(
      @Body() input: unknown,
      @Preconditions() preconditions: WritePreconditions,
      @QueryParams() query: ConfigurationWriteQueryDto,
      @Author() author: string,
      @Res({ passthrough: true }) reply: FastifyReply,
    ) {
      const target: ConfigurationTarget = 'default';
      const change: ConfigurationChange = { op: 'put', document: objectOf(input) };
      return this.writer.write({ target, change, preconditions, author }, query, reply);
    }

    @Delete('configuration/default')
    @HttpCode(204)
    @ApiOperation({ summary: 'Bring the built-in default document back' })
    @ApiNoContentResponse()
    deleteDefault(
      @Preconditions() preconditions: WritePreconditions,
      @Author() author: string,
    ): Promise<void> {
      return this.writer.restoreBuiltIn({ preconditions, author });
    }

    @Post('configuration/reset')
    @HttpCode(200)
    @WithETag()
    @RequestBody({ allowNull: true })
    @ApiOperation({
      summary: 'Return the active document to the default, except for what is kept or patched',
    })
    @ApiBody({ type: ResetDto, examples: { reset: { value: examples.reset } } })
    @ApiOkResponse(rolledOut)
    @ApiAcceptedResponse(notYet)
    reset(
      @Body() { keep, patch }: ResetDto,
      @Preconditions() preconditions: WritePreconditions,
      @QueryParams() query: ConfigurationWriteQueryDto,
      @Author() author: string,
      @Res({ passthrough: true }) reply: FastifyReply,
    ) {
      const change: ConfigurationChange = { op: 'reset', keep: keep ?? [], patch: patch ?? {} };
      return this.writer.write({ target: 'active', change, preconditions, author }, query, reply);
    }

    @Post('configuration/rollback')
    @HttpCode(200)
    @WithETag()
    @ApiOperation({ summary: 'Bring an earlier revision back, as a new one, with the secrets that it had' })
    @ApiOkResponse(rolledOut)
    @ApiAcceptedResponse(notYet)
    rollback(
      @Body() { revision }: RollbackDto,
      @Preconditions() preconditions: WritePreconditions,
      @QueryParams() query: ConfigurationWriteQueryDto,
      @Author() author: string,
      @Res({ passthrough: true }) reply: FastifyReply,
    ) {
      const change: ConfigurationChange = { op: 'rollback', revision };
      return this.writer.write({ target: 'active', change, preconditions, author }, query, reply);
    }

    @Get('configuration/revisions')
    @ApiOperation({ summary: 'List the revisions of the active document, newest first' })
    @ApiOkResponse({ schema: { type: 'object', properties: list, required: ['items', 'next'] } })
    async revisions(@QueryParams() { limit, cursor }: RevisionListQueryDto) {
      const page = { limit, ...(cursor === undefined ? {} : { cursor }) };
      const { items, next } = await this.mount.documents.revisions(page);
      return { items: items.map(bodyOf), next };
    }

    @Get('configuration/revisions/:revision')
    @ApiParam({ name: 'revision', schema: { type: 'integer', minimum: 1 } })
    @ApiOperation({ summary: 'Read one revision of the active document' })
    @ApiOkResponse({ type: View })
    async revision(@Param('revision') revision: string): Promise<ConfigurationBody<T>> {
      return bodyOf(await this.mount.documents.revision(revisionOf(revision)));
    }

    @Get('configuration/revisions/:revision/diff')
    @ApiParam({ name: 'revision', schema: { type: 'integer', minimum: 1 } })
    @ApiOperation({ summary: 'What makes another revision of this one; without `to`, the active one' })
    @ApiOkResponse({ type: DiffDto })
    async diff(@Param('revision') revision: string, @QueryParams() query: DiffQueryDto): Promise<DiffDto> {
      const from = revisionOf(revision);
      const to = query.to ?? (await this.mount.documents.effective()).revision;
      return { from, to, diff: await this.mount.documents.diff(from, to) };
    }
  }
  return RevisionedConfigurationController;
}

/** The document's DTO class with what the engine adds: a class, so that OpenAPI has a name for it. */
function viewOf<T extends object>(document: Type<T>): Type<object> {
  class View extends (document as Type<object>) {
    @ApiProperty({ type: 'integer', minimum: 0, description: '0 before the first write.' })
    revision!: number;
    @ApiProperty({ type: String, nullable: true, description: 'RFC 3339; null before the first write.' })
    updatedAt!: string | null;
    @ApiProperty({ type: String, nullable: true, description: 'Who wrote it; null before the first write.' })
    author!: string | null;
  }
  Object.defineProperty(View, 'name', { value: `Active${document.name}` });
  return View;
}

function objectOf(input: unknown): object {
  if (input === undefined) {
    throw new DomainError({
      category: 'malformed',
      code: 'body-required',
      detail: 'The request has no body. Send the document as a JSON object.',
    });
  }
  if (typeof input === 'object' && input !== null && !Array.isArray(input)) return input;
  const detail = 'The body is not a JSON object.';
  throw invalid(detail, [{ pointer: '', code: 'type', detail: 'must be an object' }]);
}

function revisionOf(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new DomainError({
    category: 'malformed',
    code: 'malformed-revision',
    detail: 'The revision in the path is not one: 1, 2, 3 … GET …/configuration/revisions lists them.',
    errors: [{ parameter: 'revision', code: 'type', detail: 'must be a whole number of at least 1' }],
  });
}
