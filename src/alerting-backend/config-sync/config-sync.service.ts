import { isDeepStrictEqual } from 'node:util';
import { Injectable } from '@nestjs/common';
import { Clock } from '../../platform/clock.js';
import { messageOf } from '../../platform/errors.js';
import { openSecrets } from '../../platform/secrets/secret-fields.js';
import { Sealer } from '../../platform/secrets/sealer.js';
import { ObjectStore } from '../../platform/store/object-store.js';
import type { MemberWorkload } from '../alerting-driver.js';
import { ENDPOINT_KIND, type Endpoint } from '../endpoints/endpoint.js';
import { receiverType } from '../endpoints/receivers/receiver-types.js';
import {
  compileRouting,
  type CompiledRouting,
  type NotificationTiming,
} from '../routing/routing-compiler.js';
import { CompanionClient, ConfigRefusedError } from './companion-client.js';

/** What is known about the delivery to one member. */
export interface MemberSync {
  /** Of the configuration that it acknowledged last; null while it never did. */
  sha256: string | null;
  error: string | null;
  refused: boolean;
  /** RFC 3339. */
  at: string;
}

/** Compiles the routing and brings it to every member; remembers who refused what. */
@Injectable()
export class ConfigSyncService {
  readonly #members = new Map<string, MemberSync>();
  /** Grows with each invalidation, so that a compilation that began before one is not kept. */
  #generation = 0;
  #compiled: { timing: NotificationTiming; sequence: number; routing: CompiledRouting } | undefined;

  constructor(
    private readonly store: ObjectStore,
    private readonly sealer: Sealer,
    private readonly companions: CompanionClient,
    private readonly clock: Clock,
  ) {}

  /** The store has changed: the next `compile` reads it again. */
  invalidate(): void {
    this.#compiled = undefined;
    this.#generation += 1;
  }

  /** The configuration that every member shall run now. */
  async compile(timing: NotificationTiming): Promise<CompiledRouting> {
    if (this.#compiled && isDeepStrictEqual(this.#compiled.timing, timing)) return this.#compiled.routing;
    const generation = (this.#generation += 1);
    const sequence = await this.store.sequence();
    const routing = await this.render(timing);
    if (generation === this.#generation) this.#compiled = { timing, sequence, routing };
    return routing;
  }

  /** What `compile` would answer, without becoming what members shall run. */
  async render({ groupWait, groupInterval }: NotificationTiming): Promise<CompiledRouting> {
    const endpoints: { id: string; endpoint: Endpoint }[] = [];
    for await (const { id, document } of this.store.all<Endpoint>(ENDPOINT_KIND)) {
      endpoints.push({ id, endpoint: { ...document, block: openBlock(id, document, this.sealer) } });
    }
    return compileRouting({ endpoints, groupWait, groupInterval });
  }

  /**
   * Delivers to every member that does not run it, all at once. A member's failure is remembered, not thrown.
   *
   * @returns whether all of them run it now
   */
  async deliver(routing: CompiledRouting, members: MemberWorkload[], signal: AbortSignal): Promise<boolean> {
    for (const name of this.#members.keys()) {
      if (!members.some((member) => member.name === name)) this.#members.delete(name);
    }
    const outcomes = await Promise.all(members.map((member) => this.#deliverTo(member, routing, signal)));
    return outcomes.every(Boolean);
  }

  /**
   * Whether what the store held at `sequence` has reached every member, and if not, why.
   *
   * @param sequence of the object that is asked about
   */
  delivery(sequence: number): { state: 'delivered' | 'pending' | 'refused'; message: string } {
    const members = [...this.#members];
    const refused = members.find(([, sync]) => sync.refused);
    if (refused) return { state: 'refused', message: `${refused[0]}: ${refused[1].error ?? ''}` };
    const compiled = this.#compiled;
    if (!compiled || compiled.sequence < sequence) {
      return { state: 'pending', message: 'It has not been compiled yet.' };
    }
    const { sha256 } = compiled.routing;
    const behind = members.find(([, sync]) => sync.error !== null || sync.sha256 !== sha256);
    if (members.length > 0 && !behind) {
      return { state: 'delivered', message: 'Every member runs a configuration with it.' };
    }
    const reason = behind?.[1].error ?? 'the newest configuration is on its way';
    return { state: 'pending', message: behind ? `${behind[0]}: ${reason}` : 'No member runs yet.' };
  }

  member(name: string): MemberSync | undefined {
    return this.#members.get(name);
  }

  async #deliverTo(
    member: MemberWorkload,
    { sha256, text }: CompiledRouting,
    signal: AbortSignal,
  ): Promise<boolean> {
    const record = (sync: Omit<MemberSync, 'at'>): void => {
      this.#members.set(member.name, { ...sync, at: this.clock.timestamp() });
    };
    const last = this.#members.get(member.name)?.sha256 ?? null;
    if (member.companionUrl === null) {
      record({ sha256: last, error: 'its companion is not running', refused: false });
      return false;
    }
    try {
      const status = await this.companions.status(member.companionUrl);
      if (status.config.sha256 !== sha256) {
        await this.companions.putConfig(member.companionUrl, sha256, text, signal);
      }
      record({ sha256, error: null, refused: false });
      return true;
    } catch (error) {
      record({ sha256: last, error: messageOf(error), refused: error instanceof ConfigRefusedError });
      return false;
    }
  }
}

/** An endpoint's block as Alertmanager reads it, with its secrets in clear. */
export function openBlock(id: string, endpoint: Endpoint, sealer: Sealer): Record<string, unknown> {
  const { secrets, render } = receiverType(endpoint.type);
  return render(
    openSecrets(endpoint.block, { patterns: secrets, sealer, context: `${ENDPOINT_KIND}/${id}` }),
  );
}
