import {
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import {
  NOTIFICATION_KIND,
  POSTING_KIND,
  type Notification,
} from '../../alerting-backend/notifications/notification.js';
import { Clock } from '../../platform/clock.js';
import {
  IDEMPOTENCY_KIND,
  IDEMPOTENCY_TTL_MS,
  type IdempotencyRecord,
} from '../../platform/http/idempotency/idempotency-record.js';
import { hasEnded, OPERATION_KIND, type Operation } from '../../platform/operations/operation.js';
import { ObjectStore } from '../../platform/store/object-store.js';
import { RetentionLoop, type RetentionRule } from '../../platform/store/retention-loop.js';

const DAY = 24 * 3_600_000;

/** How long the gateway keeps what would otherwise only grow. The log of changes bounds itself by count. */
export function retentionRules(store: ObjectStore): RetentionRule<never>[] {
  const operations: RetentionRule<Operation> = {
    kind: OPERATION_KIND,
    keepFor: 30 * DAY,
    mayGo: ({ document }) => hasEnded(document),
    timeOf: ({ document, updatedAt }) => document.finishedAt ?? updatedAt,
  };
  const notifications: RetentionRule<Notification> = {
    kind: NOTIFICATION_KIND,
    keepFor: 30 * DAY,
    // Whatever is still being posted has not reached anybody yet.
    mayGo: async ({ id }) => (await store.get(POSTING_KIND, id)) === undefined,
    timeOf: ({ document }) => document.createdAt,
  };
  const idempotencyKeys: RetentionRule<IdempotencyRecord> = {
    kind: IDEMPOTENCY_KIND,
    keepFor: IDEMPOTENCY_TTL_MS,
    timeOf: ({ document }) => document.startedAt,
  };
  return [operations, notifications, idempotencyKeys];
}

/** Owns the one loop that deletes what has been kept long enough. */
@Injectable()
export class Retention implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #logger = new Logger(Retention.name);
  readonly #loop: RetentionLoop;

  constructor(store: ObjectStore, clock: Clock) {
    this.#loop = new RetentionLoop({
      store,
      clock,
      rules: retentionRules(store),
      onPruned: (kind, count) =>
        this.#logger.log(`Deleted ${count} of the kind "${kind}" that were kept long enough.`),
      onError: (kind, message) =>
        this.#logger.warn(`Old objects of the kind "${kind}" could not be deleted: ${message}`),
    });
  }

  onApplicationBootstrap(): void {
    this.#loop.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.#loop.stop();
  }
}
