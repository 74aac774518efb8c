import { setMaxListeners } from 'node:events';
import { Controller, Get, Headers, Logger, Res } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { DomainError, messageOf } from '../errors.js';
import { QueryParams } from '../http/query-params.js';
import { ReadinessRegistry } from '../http/readiness.js';
import { ObjectStore } from '../store/object-store.js';
import { EventFrames } from './event-frames.js';
import { EventSink } from './event-sink.js';
import { EventStream } from './event-stream.js';
import { EventStreamLimits } from './event-stream-limits.js';
import { EventsQueryDto } from './events.dto.js';
import { PublicKinds } from './public-kinds.js';

const STREAM_TYPE = 'text/event-stream; charset=utf-8';
/** What a reader waits before it comes back; spread, so that not all come back at once. */
const RETRY_MS = { least: 1_000, spread: 4_000 };

/** Changes as they happen. The response is written by hand: Nest's own event streams cost three times as much for each reader. */
@ApiTags('service')
@Controller('/api/v1/events')
export class EventsController {
  readonly #logger = new Logger(EventsController.name);
  #readers = 0;

  constructor(
    private readonly store: ObjectStore,
    private readonly kinds: PublicKinds,
    private readonly frames: EventFrames,
    private readonly limits: EventStreamLimits,
    private readonly readiness: ReadinessRegistry,
  ) {
    // Every stream listens.
    setMaxListeners(0, readiness.draining);
  }

  @Get()
  @ApiOperation({
    summary: 'Follow changes (server-sent events)',
    description:
      'Without Last-Event-ID: a `put` for every object, `snapshot-complete`, then `put` and `delete` as they happen; with it, everything since that event. `data` is `{kind, id, revision, object}`, `object` as GET answers it (of a `delete` the last state). `resync`: forget what you know, a new snapshot follows.',
  })
  @ApiHeader({
    name: 'Last-Event-ID',
    required: false,
    description: 'The id of the last event that was received.',
    schema: { type: 'string' },
  })
  @ApiOkResponse({
    description: 'A stream that ends only when the service stops',
    content: { 'text/event-stream': { schema: { type: 'string' } } },
  })
  async events(
    @QueryParams() query: EventsQueryDto,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const kinds = this.#wanted(query.kinds);
    if (reply.request.method === 'HEAD') return void reply.type(STREAM_TYPE).send();
    if (this.#readers >= this.limits.readers) throw tooManyReaders(this.limits.readers);
    this.#readers += 1;
    const sink = open(reply, this.readiness.draining, this.limits.heartbeatMs);
    try {
      const { store, frames, limits } = this;
      sink.write(`retry: ${retryMs()}\n\n`);
      const known = lastEventId === '' ? undefined : lastEventId;
      await new EventStream({ store, frames, sink, limits, kinds, lastEventId: known }).run();
    } catch (error) {
      if (!sink.signal.aborted) this.#logger.error(`An event stream ended: ${messageOf(error)}`);
    } finally {
      sink.end(retryMs());
      this.#readers -= 1;
    }
  }

  /** Kinds of the store. @throws DomainError `invalid-parameter` */
  #wanted(names: string | undefined): string[] {
    const wanted = names === undefined ? this.kinds.names : [...new Set(names.split(','))];
    const found = wanted.map((name) => this.kinds.named(name)?.kind);
    const unknown = wanted.filter((_, index) => found[index] === undefined);
    if (unknown.length === 0) return found.filter((kind) => kind !== undefined);
    throw new DomainError({
      category: 'malformed',
      code: 'invalid-parameter',
      detail: `There is no such kind of event. Known: ${this.kinds.names.join(', ')}.`,
      errors: unknown.slice(0, 20).map((name) => ({
        parameter: 'kinds',
        code: 'unknown-kind',
        detail: `${JSON.stringify(name.slice(0, 64))} is not a kind that events are sent of`,
      })),
    });
  }
}

/** Takes the response out of the framework's hands, with the headers that the hooks have set. */
function open(reply: FastifyReply, draining: AbortSignal, heartbeatMs: number): EventSink {
  const headers = { ...reply.getHeaders() };
  reply.hijack();
  const { raw } = reply;
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) raw.setHeader(name, value);
  raw.writeHead(200, {
    'content-type': STREAM_TYPE,
    // For nginx, which would keep events back until a buffer is full.
    'x-accel-buffering': 'no',
  });
  return new EventSink(raw, draining, heartbeatMs);
}

function retryMs(): number {
  return Math.round(RETRY_MS.least + Math.random() * RETRY_MS.spread);
}

function tooManyReaders(limit: number): DomainError {
  return new DomainError({
    category: 'unavailable',
    code: 'too-many-readers',
    detail: `${limit} event streams are open, which is the most that this service serves. Close some.`,
    retryAfter: 10,
  });
}
