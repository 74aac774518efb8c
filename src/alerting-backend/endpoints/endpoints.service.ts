import { Injectable } from '@nestjs/common';
import { ulid } from 'ulid';
import { Clock } from '../../platform/clock.js';
import { updateConditions, type Condition } from '../../platform/conditions.js';
import { DomainError, invalid, notFound } from '../../platform/errors.js';
import { toDto } from '../../platform/http/dto.pipe.js';
import { mergePatch } from '../../platform/http/merge-patch.js';
import {
  checkPreconditions,
  expectedRevision,
  type WritePreconditions,
} from '../../platform/http/preconditions.js';
import { keepSecrets } from '../../platform/secrets/keep-secrets.js';
import {
  holdsRedacted,
  openSecrets,
  redactSecrets,
  sealSecrets,
} from '../../platform/secrets/secret-fields.js';
import { Sealer } from '../../platform/secrets/sealer.js';
import {
  ObjectStore,
  type ListOptions,
  type StoredObject,
  type Write,
} from '../../platform/store/object-store.js';
import { BroadcastAudience } from '../notifications/broadcast-audience.js';
import { ConfigSyncService } from '../config-sync/config-sync.service.js';
import { ENDPOINT_KIND, type Endpoint, type Severity } from './endpoint.js';
import { EndpointInputDto, type EndpointDto, type EndpointListDto } from './endpoint.dto.js';
import { RECEIVER_TYPE_NAMES, receiverType } from './receivers/receiver-types.js';

export interface WrittenEndpoint {
  endpoint: EndpointDto;
  created: boolean;
}

/** Endpoints in the store, with their secrets sealed. */
@Injectable()
export class EndpointsService {
  constructor(
    private readonly store: ObjectStore,
    private readonly sealer: Sealer,
    private readonly clock: Clock,
    private readonly configSync: ConfigSyncService,
    private readonly audience: BroadcastAudience,
  ) {}

  /** @throws DomainError `not-found` */
  async get(id: string): Promise<EndpointDto> {
    return this.represent(await this.#stored(id));
  }

  async list(options: ListOptions): Promise<EndpointListDto> {
    const { items, next } = await this.store.list<Endpoint>(ENDPOINT_KIND, options);
    return { items: items.map((item) => this.represent(item)), next };
  }

  create(input: EndpointInputDto, dryRun: boolean): Promise<WrittenEndpoint> {
    return this.#write(ulid(this.clock.now()), input, undefined, { expected: 'absent' }, dryRun);
  }

  async put(
    id: string,
    input: EndpointInputDto,
    preconditions: WritePreconditions,
    dryRun: boolean,
  ): Promise<WrittenEndpoint> {
    for (;;) {
      const current = await this.store.get<Endpoint>(ENDPOINT_KIND, id);
      const asked = expectedRevision(preconditions, current?.revision);
      const keeps = current !== undefined && holdsRedacted(blockOf(input), receiverType(input.type).secrets);
      try {
        const expected = asked ?? (keeps ? current.revision : undefined);
        return await this.#write(id, input, current, expected === undefined ? {} : { expected }, dryRun);
      } catch (error) {
        // A secret that another writer has replaced in between must not come back for the sake of a ***.
        if (asked !== undefined || !keeps || !isStale(error)) throw error;
      }
    }
  }

  /** @param patch RFC 7386, over what `get` answers */
  async patch(
    id: string,
    patch: object,
    preconditions: WritePreconditions,
    dryRun: boolean,
  ): Promise<EndpointDto> {
    for (;;) {
      const current = await this.#stored(id);
      const input = toDto(EndpointInputDto, mergePatch(inputOf(current.document), patch));
      const asked = expectedRevision(preconditions, current.revision);
      try {
        const expected = asked ?? current.revision;
        return (await this.#write(id, input, current, { expected }, dryRun)).endpoint;
      } catch (error) {
        // Merged over what another writer has changed in between: merge again, unless the caller named a revision.
        if (asked !== undefined || !isStale(error)) throw error;
      }
    }
  }

  /** @throws DomainError `not-found` */
  async delete(id: string, preconditions: WritePreconditions): Promise<void> {
    const current = await this.#stored(id);
    const expected = expectedRevision(preconditions, current.revision);
    await this.#commit([
      { op: 'delete', kind: ENDPOINT_KIND, id, ...(typeof expected === 'number' ? { expected } : {}) },
    ]);
  }

  async #commit(writes: Write[]): Promise<StoredObject[]> {
    const written = await this.store.transact(writes);
    this.audience.invalidate();
    return written;
  }

  async #stored(id: string): Promise<StoredObject<Endpoint>> {
    const found = await this.store.get<Endpoint>(ENDPOINT_KIND, id);
    if (!found) throw notFound('endpoint', id);
    return found;
  }

  async #write(
    id: string,
    input: EndpointInputDto,
    current: StoredObject<Endpoint> | undefined,
    preconditions: WritePreconditions,
    dryRun: boolean,
  ): Promise<WrittenEndpoint> {
    const document = this.#seal(id, input, current?.document, (await this.store.sequence()) + 1);
    const expected = expectedRevision(preconditions, current?.revision);
    const { labels } = document;
    if (dryRun) {
      refuseStale(id, expected, current?.revision);
      const now = this.clock.timestamp();
      const revision = (current?.revision ?? 0) + 1;
      const endpoint = this.represent({
        kind: ENDPOINT_KIND,
        id,
        revision,
        sequence: Infinity,
        labels,
        document,
        createdAt: current?.createdAt ?? now,
        updatedAt: now,
        author: null,
      });
      endpoint.status = { conditions: [notStored(revision, now)] };
      return { endpoint, created: current === undefined };
    }
    const [written] = await this.#commit([
      {
        op: 'put',
        kind: ENDPOINT_KIND,
        id,
        document,
        labels,
        ...(expected !== undefined ? { expected } : {}),
      },
    ]);
    return { endpoint: this.represent(written as StoredObject<Endpoint>), created: written?.revision === 1 };
  }

  /** @param sequence of the write to come, or an earlier one that no broadcast carries yet */
  #seal(id: string, input: EndpointInputDto, current: Endpoint | undefined, sequence: number): Endpoint {
    const { secrets, destinations, check } = receiverType(input.type);
    const prefix = `/${input.type}`;
    const context = `${ENDPOINT_KIND}/${id}`;
    const kept = keepSecrets({
      next: blockOf(input),
      stored: current?.type === input.type ? current.block : undefined,
      patterns: secrets,
      destinations,
      prefix,
    });
    const block = sealSecrets(kept, { patterns: secrets, sealer: this.sealer, context, prefix });
    const errors = check(
      openSecrets(block, { patterns: secrets, sealer: this.sealer, context, prefix }),
      prefix,
    );
    if (errors.length > 0)
      throw invalid('Alertmanager would not take this. Correct the fields named in errors.', errors);
    const { name, description, labels, type, notifications } = input;
    return {
      name,
      description,
      labels,
      type,
      notifications: optIn(notifications, current?.notifications, sequence),
      block,
    };
  }

  /** What `get` answers for a stored endpoint: secrets are `***`. */
  represent({ id, revision, sequence, createdAt, updatedAt, document }: StoredObject<Endpoint>): EndpointDto {
    return {
      id,
      revision,
      createdAt,
      updatedAt,
      ...inputOf(document),
      status: { conditions: [this.#accepted(revision, sequence, updatedAt)] },
    };
  }

  #accepted(revision: number, sequence: number, updatedAt: string): Condition {
    const { state, message } = this.configSync.delivery(sequence);
    const status = ({ delivered: 'True', pending: 'Unknown', refused: 'False' } as const)[state];
    const reason = ({ delivered: 'Running', pending: 'NotDelivered', refused: 'Refused' } as const)[state];
    const [condition] = updateConditions(
      [],
      [{ type: 'Accepted', status, reason, message, observedGeneration: revision }],
      updatedAt,
    );
    return condition as Condition;
  }
}

/**
 * The block that belongs to the endpoint's type, as plain JSON.
 *
 * @param prefix put before the pointers of errors
 * @throws DomainError `invalid` when it is missing, another type's block stands beside it, or a text is not Unicode
 */
export function blockOf(input: Pick<EndpointInputDto, 'type'>, prefix = ''): Record<string, unknown> {
  const members = input as unknown as Record<string, unknown>;
  const block = members[input.type];
  if (block === undefined) {
    const detail = `An endpoint of type "${input.type}" needs the block "${input.type}".`;
    throw invalid(detail, [{ pointer: `${prefix}/${input.type}`, code: 'required', detail }]);
  }
  const foreign = RECEIVER_TYPE_NAMES.filter((name) => name !== input.type && members[name] !== undefined);
  if (foreign.length > 0) {
    throw invalid(
      `Only the block of the endpoint's type may be given.`,
      foreign.map((name) => ({
        pointer: `${prefix}/${name}`,
        code: 'other-type',
        detail: `The type is "${input.type}".`,
      })),
    );
  }
  // Through JSON: instances of DTO classes become plain, members that are undefined go.
  return JSON.parse(JSON.stringify(block)) as Record<string, unknown>;
}

/** What a dry run says of an endpoint in place of whether Alertmanager has it. */
function notStored(revision: number, now: string): Condition {
  const message = 'This was a dry run: it is valid, and nothing was stored.';
  const [condition] = updateConditions(
    [],
    [{ type: 'Accepted', status: 'Unknown', reason: 'DryRun', message, observedGeneration: revision }],
    now,
  );
  return condition as Condition;
}

function isStale(error: unknown): boolean {
  return error instanceof DomainError && error.code === 'revision-mismatch';
}

/** What the store does when it writes, for a dry run. */
function refuseStale(id: string, expected: number | 'absent' | undefined, current: number | undefined): void {
  if (expected === 'absent' && current !== undefined) {
    throw new DomainError({
      category: 'precondition-failed',
      code: 'already-exists',
      detail: `There is already an endpoint "${id}". Change that one, or choose another id.`,
      extensions: { current },
    });
  }
  checkPreconditions(expected === undefined ? {} : { expected }, current ?? 0);
}

/** Members by name: spreading costs on a page of a hundred. */
function inputOf({
  name,
  description,
  labels,
  notifications,
  type,
  block,
}: Endpoint): Omit<EndpointDto, 'id' | 'revision' | 'createdAt' | 'updatedAt' | 'status'> {
  return {
    name,
    description,
    labels,
    notifications: { enabled: notifications.enabled, severities: notifications.severities },
    type,
    [type]: redactSecrets(block, receiverType(type).secrets),
  };
}

/** Severities that it took already keep the place from which on it takes them. */
function optIn(
  { enabled, severities }: EndpointInputDto['notifications'],
  before: Endpoint['notifications'] | undefined,
  sequence: number,
): Endpoint['notifications'] {
  const since = (severity: Severity): number =>
    (before?.enabled ? before.since[severity] : undefined) ?? sequence;
  return {
    enabled,
    severities: [...severities],
    since: enabled ? Object.fromEntries(severities.map((severity) => [severity, since(severity)])) : {},
  };
}
