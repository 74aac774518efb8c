import { Injectable } from '@nestjs/common';
import { ObjectStore } from '../../platform/store/object-store.js';
import { ENDPOINT_KIND, type Endpoint, type Severity } from '../endpoints/endpoint.js';

/**
 * How many endpoints take a broadcast. Counted once and kept until endpoints change: a burst of notifications must not
 * read ten thousand endpoints for each.
 */
@Injectable()
export class BroadcastAudience {
  #sizes: Promise<Map<Severity, number>> | undefined;

  constructor(private readonly store: ObjectStore) {}

  /** To be called by whoever has written an endpoint, before the write is acknowledged. */
  invalidate(): void {
    this.#sizes = undefined;
  }

  async size(severity: Severity): Promise<number> {
    this.#sizes ??= this.#count();
    const counting = this.#sizes;
    try {
      return (await counting).get(severity) ?? 0;
    } catch (error) {
      if (this.#sizes === counting) this.#sizes = undefined;
      throw error;
    }
  }

  async #count(): Promise<Map<Severity, number>> {
    const sizes = new Map<Severity, number>();
    for await (const { document } of this.store.all<Endpoint>(ENDPOINT_KIND)) {
      const { enabled, severities } = document.notifications;
      for (const severity of enabled ? severities : []) sizes.set(severity, (sizes.get(severity) ?? 0) + 1);
    }
    return sizes;
  }
}
