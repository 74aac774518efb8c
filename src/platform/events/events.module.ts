import { Global, Module } from '@nestjs/common';
import { EventFrames } from './event-frames.js';
import { EventStreamLimits } from './event-stream-limits.js';
import { EventsController } from './events.controller.js';
import { PublicKinds } from './public-kinds.js';

/** `/api/v1/events`, and the registry of what it shows; needs an `ObjectStore`. */
@Global()
@Module({
  controllers: [EventsController],
  providers: [PublicKinds, EventFrames, EventStreamLimits],
  exports: [PublicKinds, EventStreamLimits],
})
export class EventsModule {}
