import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type BeforeApplicationShutdown,
} from '@nestjs/common';
import { Clock } from '../../platform/clock.js';
import { messageOf } from '../../platform/errors.js';
import { Reconciler, type ReconcileResult } from '../../platform/reconciler/reconciler.js';
import { StoreTrigger } from '../../platform/reconciler/store-trigger.js';
import { ObjectStore, type StoredObject, type Write } from '../../platform/store/object-store.js';
import { AlertingDriver } from '../alerting-driver.js';
import { CompanionClient } from '../config-sync/companion-client.js';
import { LABELS } from '../routing/routing-compiler.js';
import {
  ACTIVE_MS,
  alertOf,
  LEASE_MS,
  NOTIFICATION_KIND,
  POSTING_KIND,
  REPOST_MS,
  type Notification,
  type NotificationDelivery,
  type Posting,
  type PostableAlert,
} from './notification.js';

const KEY = 'postings';
/** How soon to ask the embedded servers whether a posted notification has arrived. */
const RECEIPT_POLL_MS = 500;
const BATCH = 500;
/** Of alerts in one call at most, unless one alone is larger; a companion takes 32 MiB. */
const BATCH_BYTES = 4 * 1024 * 1024;
/** Of alerts that were posted and not seen in the ring yet, at most: more would push each other out of it unread. */
const UNSEEN_BYTES = 4 * 1024 * 1024;
/** Those that do not arrive by then hold up no others. */
const UNSEEN_PATIENCE_MS = 3_000;
const MESSAGE_PAGE = 1_000;

interface Reachable {
  name: string;
  url: string;
}

interface Posted {
  /** Milliseconds. */
  at: number;
  /** Of its alert. */
  bytes: number;
}

/**
 * Posts every notification to every member until an embedded server has it, then until it ends: an Alertmanager that is
 * killed forgets what it was told, and a receiver that is down is tried again. Delivered at least once.
 */
@Injectable()
export class NotificationPoster implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #logger = new Logger(NotificationPoster.name);
  readonly #reconciler = new Reconciler({
    name: 'notification poster',
    reconcile: (_key, signal) => this.#pass(signal),
    backoff: { initial: 500, maximum: 10_000 },
    onError: (_key, error, retryIn) =>
      this.#logger.warn(`Notifications could not be posted: ${messageOf(error)}. Next try in ${retryIn} ms.`),
  });
  /** When each was posted last, by `member/id`. */
  readonly #posted = new Map<string, Posted>();
  /** How far each member's ring was read. */
  readonly #cursors = new Map<string, { ring: string; after: number }>();
  #trigger: StoreTrigger | undefined;
  #unwatch: (() => void) | undefined;
  /** Whether the last pass found no member: the next one that appears is told at once. */
  #stranded = false;

  constructor(
    private readonly store: ObjectStore,
    private readonly clock: Clock,
    private readonly driver: AlertingDriver,
    private readonly companions: CompanionClient,
  ) {}

  onApplicationBootstrap(): void {
    this.#unwatch = this.driver.watch(() => {
      if (this.#stranded) this.#reconciler.request(KEY);
    });
    this.#trigger = new StoreTrigger({
      store: this.store,
      kinds: [POSTING_KIND],
      onChange: (change) => {
        if (change?.op !== 'delete') this.#reconciler.request(KEY);
      },
      onError: (message) => this.#logger.warn(`Watching the store failed: ${message}`),
    });
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#unwatch?.();
    await this.#trigger?.stop();
    await this.#reconciler.stop();
  }

  async #pass(signal: AbortSignal): Promise<ReconcileResult> {
    const postings = await this.#active();
    this.#forgetAllBut(postings);
    if (postings.length === 0) return { done: true };
    const { members } = await this.driver.observe();
    const reachable = members.flatMap(({ name, companionUrl }) =>
      companionUrl === null ? [] : [{ name, url: companionUrl }],
    );
    this.#stranded = reachable.length === 0;
    if (this.#stranded) throw new Error('no member of the alerting backend is running');
    const outcomes = await Promise.allSettled(
      reachable.map((member) => this.#post(member, postings, signal)),
    );
    const waiting = postings.some((posting) => posting.document.endsAt === null);
    if (waiting) await this.#recordReceipts(reachable, postings);
    const failures = outcomes.flatMap((outcome) =>
      outcome.status === 'rejected' ? [messageOf(outcome.reason)] : [],
    );
    if (failures.length > 0) throw new Error(failures.join('; '));
    return { requeueAfter: waiting ? RECEIPT_POLL_MS : REPOST_MS };
  }

  async #post(member: Reachable, postings: StoredObject<Posting>[], signal: AbortSignal): Promise<void> {
    const now = this.clock.now();
    const ageOf = (id: string): number => now - (this.#posted.get(`${member.name}/${id}`)?.at ?? -Infinity);
    const isWaiting = ({ document }: StoredObject<Posting>): boolean => document.endsAt === null;
    let unseen = postings
      .filter((posting) => isWaiting(posting) && ageOf(posting.id) < UNSEEN_PATIENCE_MS)
      .reduce((sum, { id }) => sum + (this.#posted.get(`${member.name}/${id}`)?.bytes ?? 0), 0);
    let batch = new Map<string, { alert: PostableAlert; bytes: number }>();
    let batchBytes = 0;
    const flush = async (): Promise<void> => {
      if (batch.size === 0) return;
      const alerts = [...batch.values()].map(({ alert }) => alert);
      await this.companions.postAlerts(member.url, alerts, signal);
      for (const [id, { bytes }] of batch) this.#posted.set(`${member.name}/${id}`, { at: now, bytes });
      batch = new Map();
      batchBytes = 0;
    };
    for (const posting of postings) {
      const { id, document } = posting;
      if (ageOf(id) < REPOST_MS) continue;
      // The next pass takes it: there is one soon while any of them waits.
      if (isWaiting(posting) && unseen >= UNSEEN_BYTES) continue;
      const notification = await this.store.get<Notification>(NOTIFICATION_KIND, id);
      if (!notification) continue;
      const endsAt = document.endsAt ?? new Date(now + LEASE_MS).toISOString();
      const alert = alertOf(id, notification.document, endsAt);
      const bytes = Buffer.byteLength(JSON.stringify(alert));
      if (batch.size === BATCH || batchBytes + bytes > BATCH_BYTES) await flush();
      batch.set(id, { alert, bytes });
      batchBytes += bytes;
      if (isWaiting(posting)) unseen += bytes;
    }
    await flush();
  }

  /** Ended ones would stay for as long as there is always another. */
  #forgetAllBut(postings: StoredObject<Posting>[]): void {
    const ids = new Set(postings.map(({ id }) => id));
    for (const key of this.#posted.keys()) {
      if (!ids.has(key.slice(key.indexOf('/') + 1))) this.#posted.delete(key);
    }
  }

  async #recordReceipts(members: Reachable[], postings: StoredObject<Posting>[]): Promise<void> {
    const waiting = new Map(
      postings.filter(({ document }) => document.endsAt === null).map((posting) => [posting.id, posting]),
    );
    const receipts = await Promise.all(members.map((member) => this.#newReceipts(member)));
    const found = new Map<string, NotificationDelivery[]>();
    for (const { id, delivery } of receipts.flat()) {
      if (waiting.has(id)) found.set(id, [...(found.get(id) ?? []), delivery]);
    }
    const writes: Write[] = [];
    for (const [id, deliveries] of found) {
      const notification = await this.store.get<Notification>(NOTIFICATION_KIND, id);
      const posting = waiting.get(id);
      if (!notification || !posting) continue;
      const endsAt = new Date(this.clock.now() + ACTIVE_MS).toISOString();
      writes.push(
        {
          op: 'put',
          kind: POSTING_KIND,
          id,
          document: { endsAt } satisfies Posting,
          expected: posting.revision,
        },
        {
          op: 'put',
          kind: NOTIFICATION_KIND,
          id,
          document: { ...notification.document, deliveries },
          labels: notification.labels,
          expected: notification.revision,
        },
      );
      // Its end is known now: the next pass tells every member.
      for (const member of members) this.#posted.delete(`${member.name}/${id}`);
    }
    if (writes.length === 0) return;
    try {
      await this.store.transact(writes);
    } catch (error) {
      // What was read was not recorded: read it again.
      this.#cursors.clear();
      throw error;
    }
  }

  /** Reads what came since the last time; nothing from a member that does not answer. */
  async #newReceipts({ name, url }: Reachable): Promise<{ id: string; delivery: NotificationDelivery }[]> {
    const found: { id: string; delivery: NotificationDelivery }[] = [];
    try {
      for (;;) {
        const cursor = this.#cursors.get(name);
        let page = await this.companions.messages(url, cursor?.after ?? 0, MESSAGE_PAGE);
        if (cursor && page.ring !== cursor.ring) page = await this.companions.messages(url, 0, MESSAGE_PAGE);
        for (const { labels, firstReceivedAt } of page.items) {
          const id = labels[LABELS.notification];
          if (id !== undefined) found.push({ id, delivery: { member: name, receivedAt: firstReceivedAt } });
        }
        this.#cursors.set(name, { ring: page.ring, after: page.last });
        if (page.items.length < MESSAGE_PAGE) return found;
      }
    } catch (error) {
      this.#logger.warn(`The messages of ${name} could not be read: ${messageOf(error)}`);
      return found;
    }
  }

  /** What is still to be posted; what has ended is removed. */
  async #active(): Promise<StoredObject<Posting>[]> {
    const active: StoredObject<Posting>[] = [];
    const ended: StoredObject<Posting>[] = [];
    for await (const posting of this.store.all<Posting>(POSTING_KIND)) {
      const { endsAt } = posting.document;
      (endsAt !== null && Date.parse(endsAt) <= this.clock.now() ? ended : active).push(posting);
    }
    for (const { id, revision } of ended) {
      await this.store.transact([{ op: 'delete', kind: POSTING_KIND, id, expected: revision }]);
    }
    return active;
  }
}
