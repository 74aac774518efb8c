import { Injectable, Logger } from '@nestjs/common';
import { Clock } from '../../clock.js';
import { messageOf } from '../../errors.js';
import { PublicKinds } from '../../events/public-kinds.js';
import { Sealer } from '../../secrets/sealer.js';
import { ObjectStore, type StoredObject } from '../../store/object-store.js';
import { entityTag } from '../preconditions.js';
import { isStale, putRecord, type Execution } from './execution.js';
import {
  answerLost,
  IDEMPOTENCY_KIND,
  IDEMPOTENCY_TTL_MS,
  inProgress,
  keyReused,
  recordId,
  withoutSecrets,
  type IdempotencyRecord,
  type KeyedRequest,
  type RecordedAnswer,
} from './idempotency-record.js';

type Stored = StoredObject<IdempotencyRecord>;

/** Decides what a request with an Idempotency-Key gets: a run of its handler, or the answer of the first one. */
@Injectable()
export class IdempotencyKeys {
  readonly #logger = new Logger(IdempotencyKeys.name);
  /** Fingerprints of what runs in this process. A `running` record that is not here was left by a crash. */
  readonly #running = new Map<string, string>();

  constructor(
    private readonly store: ObjectStore,
    private readonly sealer: Sealer,
    private readonly clock: Clock,
    private readonly publicKinds: PublicKinds,
  ) {}

  /**
   * An execution to run and to `finish`, or the answer to repeat.
   *
   * @throws DomainError `idempotency-key-reused` (invalid), `in-progress` (conflict), `answer-lost` (conflict)
   */
  async begin(request: KeyedRequest): Promise<Execution | RecordedAnswer> {
    const id = recordId(request);
    const running = this.#running.get(id);
    if (running !== undefined) throw running === request.fingerprint ? inProgress() : keyReused();
    this.#running.set(id, request.fingerprint);
    try {
      const result = await this.#claim(id, request);
      if ('body' in result) this.#running.delete(id);
      return result;
    } catch (error) {
      this.#running.delete(id);
      throw isStale(error) ? inProgress() : error;
    }
  }

  /** Keeps the answer when something was created, else gives the key back. To be awaited before the answer is sent. */
  async finish(execution: Execution, answer: RecordedAnswer): Promise<void> {
    execution.open = false;
    const { id, record, revision, request } = execution;
    try {
      if (!record.created) {
        await this.store.transact([{ op: 'delete', kind: IDEMPOTENCY_KIND, id, expected: revision }]);
      } else if (answer.status < 300) {
        await this.#complete(execution, {
          ...answer,
          body: withoutSecrets(answer.body, request.secretMembers),
        });
      }
      // What was created although the handler failed is answered from the object itself next time.
    } catch (error) {
      // Either state is safe: nothing was created and the next request runs, or the record says what was created.
      if (!isStale(error)) this.#logger.warn(`An answer was not kept for its key: ${messageOf(error)}`);
    } finally {
      this.#running.delete(id);
    }
  }

  async #claim(id: string, request: KeyedRequest): Promise<Execution | RecordedAnswer> {
    const known = await this.store.get<IdempotencyRecord>(IDEMPOTENCY_KIND, id);
    if (known && !this.#isExpired(known)) {
      const { fingerprint, phase, answer } = known.document;
      if (this.sealer.open(fingerprint, context(id)) !== request.fingerprint) throw keyReused();
      if (phase === 'completed' && answer) return answer;
      if (phase === 'created') return this.#recover(known, request);
    }
    const record: IdempotencyRecord = {
      method: request.method,
      path: request.path,
      phase: 'running',
      fingerprint: this.sealer.seal(request.fingerprint, context(id)),
      startedAt: this.clock.timestamp(),
      created: null,
      answer: null,
    };
    const [written] = await this.store.transact([
      { op: 'put', kind: IDEMPOTENCY_KIND, id, document: record, expected: known?.revision ?? 'absent' },
    ]);
    return { id, request, record, revision: written?.revision ?? 0, open: true, joining: false };
  }

  /** The creation is durable and nobody has seen its answer: that is the object as it is now. */
  async #recover({ id, revision, document }: Stored, request: KeyedRequest): Promise<RecordedAnswer> {
    const { created } = document;
    const kind = created && this.publicKinds.ofStore(created.kind);
    const object = created && (await this.store.get(created.kind, created.id));
    if (!created || !kind || !object) throw answerLost(created ?? { kind: 'object', id: '' });
    const body = JSON.stringify(await kind.represent(object));
    const answer: RecordedAnswer = {
      status: request.status,
      headers: {
        'content-type': 'application/json; charset=utf-8',
        location: `${kind.path}/${created.id}`,
        ...(request.etag && { etag: entityTag(object.revision) }),
      },
      body: withoutSecrets(body, request.secretMembers),
    };
    const execution = { id, request, record: document, revision, open: false, joining: false };
    await this.#complete(execution, answer);
    return answer;
  }

  async #complete(execution: Execution, answer: RecordedAnswer): Promise<void> {
    await this.store.transact([putRecord(execution, { ...execution.record, phase: 'completed', answer })]);
  }

  #isExpired({ document }: Stored): boolean {
    return this.clock.now() - Date.parse(document.startedAt) >= IDEMPOTENCY_TTL_MS;
  }
}

function context(id: string): string {
  return `${IDEMPOTENCY_KIND}/${id}`;
}
