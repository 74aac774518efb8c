import { Module } from '@nestjs/common';
import { IdempotencyKeys } from './idempotency-keys.js';

/** Needs an `ObjectStore` behind `joinExecutions`, a `Sealer` and `PublicKinds`. */
@Module({ providers: [IdempotencyKeys] })
export class IdempotencyModule {}
