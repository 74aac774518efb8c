import type { Agent, Dispatcher } from 'undici';
import { SystemClock, type Clock } from '../clock.js';
import { renewAt } from './certificate-files.js';
import type { CertificateRequest, Certificates, IssuerName } from './certificates.js';
import type { MutualTlsClientOptions } from './mutual-tls-client.js';

export interface RenewingMutualTlsClientOptions extends MutualTlsClientOptions {
  certificates: Certificates;
  issuer: IssuerName;
  /** The client certificate, kept in memory only. */
  request: CertificateRequest;
  clock?: Clock;
}

interface Current {
  agent: Agent;
  renewAt: number;
}

/** Calls with a client certificate that is issued on first use and renewed when two thirds of its life are over. */
export class RenewingMutualTlsClient {
  readonly #options: RenewingMutualTlsClientOptions;
  readonly #clock: Clock;
  #current: Current | undefined;
  #issuing: Promise<Current> | undefined;
  readonly #retired = new Set<Promise<unknown>>();
  #closed = false;

  constructor(options: RenewingMutualTlsClientOptions) {
    this.#options = options;
    this.#clock = options.clock ?? new SystemClock();
  }

  /** Ask for each call anew, do not keep it. @throws what `Certificates.issue` throws; Error after `close` */
  async dispatcher(): Promise<Dispatcher> {
    if (this.#closed)
      throw new Error('The mTLS client is closed: it was asked for a connection during shutdown.');
    if (this.#current !== undefined && this.#clock.now() < this.#current.renewAt) return this.#current.agent;
    this.#issuing ??= this.#renew().finally(() => (this.#issuing = undefined));
    return (await this.#issuing).agent;
  }

  /** Waits for calls under way, also those that began on an older certificate. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#issuing?.catch(() => undefined);
    await Promise.all([this.#current?.agent.close(), ...this.#retired]);
    this.#current = undefined;
  }

  async #renew(): Promise<Current> {
    const { certificates, issuer, request } = this.#options;
    const bundle = await certificates.issue(issuer, request);
    const { mutualTlsClient } = await import('./mutual-tls-client.js');
    const retired = this.#current;
    this.#current = { agent: mutualTlsClient(bundle, this.#options), renewAt: Date.parse(renewAt(bundle)) };
    if (retired !== undefined) {
      const forget = (): boolean => this.#retired.delete(closing);
      // Closing fails only for an agent that was destroyed, which is closed too.
      const closing: Promise<unknown> = retired.agent.close().then(forget, forget);
      this.#retired.add(closing);
    }
    return this.#current;
  }
}
