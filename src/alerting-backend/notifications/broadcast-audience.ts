import { Injectable } from '@nestjs/common';
import { ObjectStore } from '../../platform/store/object-store.js';
import { ENDPOINT_KIND, type Endpoint, type Severity } from '../endpoints/endpoint.js';

/**
 * Which endpoints have opted in for broadcasts. Read once and kept until endpoints change: a burst of notifications must
 * not read ten thousand endpoints for each.
 */
@Injectable()
export class BroadcastAudience {
  #optIns: Promise<{ id: string; severities: ReadonlySet<Severity> }[]> | undefined;

  constructor(private readonly store: ObjectStore) {}

  /** To be called by whoever has written an endpoint, before the write is acknowledged. */
  invalidate(): void {
    this.#optIns = undefined;
  }

  /** Ids in order. */
  async of(severity: Severity): Promise<string[]> {
    this.#optIns ??= this.#read();
    const reading = this.#optIns;
    try {
      return (await reading).filter(({ severities }) => severities.has(severity)).map(({ id }) => id);
    } catch (error) {
      if (this.#optIns === reading) this.#optIns = undefined;
      throw error;
    }
  }

  async #read(): Promise<{ id: string; severities: ReadonlySet<Severity> }[]> {
    const optIns: { id: string; severities: ReadonlySet<Severity> }[] = [];
    for await (const { id, document } of this.store.all<Endpoint>(ENDPOINT_KIND)) {
      const { enabled, severities } = document.notifications;
      if (enabled) optIns.push({ id, severities: new Set(severities) });
    }
    return optIns;
  }
}
