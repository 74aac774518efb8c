import {
  Body,
  Controller,
  Get,
  Global,
  Module,
  Post,
  Res,
  type OnModuleInit,
  type Type,
} from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { ulid } from 'ulid';
import { DomainError, notFound } from '../../src/platform/errors.js';
import { EventStreamLimits } from '../../src/platform/events/event-stream-limits.js';
import { EventsModule } from '../../src/platform/events/events.module.js';
import { PublicKinds } from '../../src/platform/events/public-kinds.js';
import { joinExecutions } from '../../src/platform/http/idempotency/execution.js';
import { IdempotencyModule } from '../../src/platform/http/idempotency/idempotency.module.js';
import { Idempotent } from '../../src/platform/http/idempotency/idempotent.decorator.js';
import { ObjectId } from '../../src/platform/http/object-id.js';
import { AnyQuery, WithETag } from '../../src/platform/http/route-options.js';
import { Sealer } from '../../src/platform/secrets/sealer.js';
import { ObjectStore, type StoredObject } from '../../src/platform/store/object-store.js';

/** Where a handler is while a test looks. */
export interface ToySteps {
  /** Each is awaited by one call of the handler, before it creates. */
  before: (() => Promise<void>)[];
  /** The same, after it has created. */
  after: (() => Promise<void>)[];
  /** How often a handler began. */
  runs: number;
}

export function toyAnswer({ id, revision, document }: StoredObject): Record<string, unknown> {
  return { id, revision, ...(document as object) };
}

/** Two kinds in a real store behind the real conventions: `toy`, which the API shows, and `hidden`, which it does not. */
export function toyStoreModule(parts: {
  store: ObjectStore;
  sealer: Sealer;
  limits?: Partial<EventStreamLimits>;
  steps?: ToySteps;
}): Type {
  const { store, sealer, limits = {}, steps = { before: [], after: [], runs: 0 } } = parts;
  class PartsModule {}
  Global()(PartsModule);
  Module({
    providers: [
      { provide: ObjectStore, useValue: joinExecutions(store) },
      { provide: Sealer, useValue: sealer },
    ],
    exports: [ObjectStore, Sealer],
  })(PartsModule);

  @ApiTags('toys')
  @Controller('api/v1/toys')
  class ToysController implements OnModuleInit {
    constructor(
      private readonly objects: ObjectStore,
      private readonly kinds: PublicKinds,
      private readonly streamLimits: EventStreamLimits,
    ) {}

    onModuleInit(): void {
      Object.assign(this.streamLimits, limits);
      this.kinds.add({ name: 'toy', kind: 'toy', path: '/api/v1/toys', represent: toyAnswer });
    }

    @Post()
    @Idempotent({ secretMembers: ['secret'] })
    @WithETag()
    @AnyQuery()
    @ApiOperation({ summary: 'Create' })
    @ApiCreatedResponse({ schema: { type: 'object', additionalProperties: true } })
    async create(@Body() body: object, @Res({ passthrough: true }) reply: FastifyReply): Promise<object> {
      steps.runs += 1;
      await steps.before.shift()?.();
      if ('dry' in body) return { ...body, revision: 1 };
      const [written] = await this.objects.transact([
        { op: 'put', kind: 'toy', id: ulid(), document: body, expected: 'absent' },
        { op: 'put', kind: 'hidden', id: ulid(), document: {}, expected: 'absent' },
      ]);
      await steps.after.shift()?.();
      if (!written) throw new DomainError({ category: 'internal', code: 'internal', detail: 'nothing' });
      void reply.header('location', `/api/v1/toys/${written.id}`);
      return { ...toyAnswer(written), ...('withSecret' in body ? { secret: 'shown once' } : {}) };
    }

    @Get(':id')
    @ApiOperation({ summary: 'Read' })
    @ApiOkResponse({ schema: { type: 'object', additionalProperties: true } })
    async get(@ObjectId() id: string): Promise<object> {
      const found = await this.objects.get('toy', id);
      if (!found) throw notFound('toy', id);
      return toyAnswer(found);
    }
  }

  class ToyStoreModule {}
  Module({ imports: [PartsModule, EventsModule, IdempotencyModule], controllers: [ToysController] })(
    ToyStoreModule,
  );
  return ToyStoreModule;
}
