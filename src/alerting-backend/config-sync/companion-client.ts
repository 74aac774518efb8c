import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { Dispatcher } from 'undici';
import {
  type ConfigAcknowledgement,
  type ConfigRefusal,
  type EndpointTestRequest,
  type EndpointTestResult,
  type MemberStatus,
  type MessagePage,
} from '../../alertmanager-companion/companion-api.js';
import { DomainError, messageOf } from '../../platform/errors.js';
import { Clock } from '../../platform/clock.js';
import { Certificates } from '../../platform/tls/certificates.js';
import { RenewingMutualTlsClient } from '../../platform/tls/renewing-mutual-tls-client.js';

const STATUS_TIMEOUT_MS = 2_500;
/** Checking, writing and reloading 10 MB takes seconds. */
const CONFIG_TIMEOUT_MS = 60_000;
const MESSAGES_TIMEOUT_MS = 5_000;
const PASS_THROUGH_TIMEOUT_MS = 10_000;

/** A configuration that a member would not take; it keeps running its last good one. */
export class ConfigRefusedError extends Error {
  constructor(readonly refusal: ConfigRefusal) {
    super(refusal.reason);
    this.name = 'ConfigRefusedError';
  }
}

/** Typed calls to companions over mTLS; every call has a deadline. */
@Injectable()
export class CompanionClient implements OnApplicationShutdown {
  readonly #tls: RenewingMutualTlsClient;

  constructor(certificates: Certificates, clock: Clock) {
    const request = { commonName: 'gateway', usages: ['client' as const] };
    this.#tls = new RenewingMutualTlsClient({ certificates, issuer: 'components', request, clock });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#tls.close();
  }

  async status(companionUrl: string): Promise<MemberStatus> {
    return (await this.#json(
      companionUrl,
      { path: '/v1/status', method: 'GET' },
      STATUS_TIMEOUT_MS,
    )) as MemberStatus;
  }

  /** @throws ConfigRefusedError when the member says no */
  async putConfig(
    companionUrl: string,
    sha256: string,
    text: string,
    signal: AbortSignal,
  ): Promise<ConfigAcknowledgement> {
    const response = await this.#request(
      companionUrl,
      {
        path: `/v1/config/${sha256}`,
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: text,
      },
      AbortSignal.any([signal, AbortSignal.timeout(CONFIG_TIMEOUT_MS)]),
    );
    const body = await response.body.json();
    if (response.statusCode === 422) throw new ConfigRefusedError(body as ConfigRefusal);
    if (response.statusCode !== 200) throw unexpected(companionUrl, response.statusCode, body);
    return body as ConfigAcknowledgement;
  }

  async messages(companionUrl: string, after: number, limit: number): Promise<MessagePage> {
    const path = `/v1/messages?after=${after}&limit=${limit}`;
    return (await this.#json(companionUrl, { path, method: 'GET' }, MESSAGES_TIMEOUT_MS)) as MessagePage;
  }

  async testEndpoint(companionUrl: string, test: EndpointTestRequest): Promise<EndpointTestResult> {
    const headers = { 'content-type': 'application/json' };
    const options = {
      path: '/v1/endpoint-tests',
      method: 'POST' as const,
      headers,
      body: JSON.stringify(test),
    };
    return (await this.#json(companionUrl, options, test.timeout + 15_000)) as EndpointTestResult;
  }

  /** Posts alerts as Alertmanager's API v2 takes them. */
  async postAlerts(companionUrl: string, alerts: unknown[], signal: AbortSignal): Promise<void> {
    const headers = { 'content-type': 'application/json' };
    const response = await this.pass(
      companionUrl,
      { path: '/api/v2/alerts', method: 'POST', headers, body: JSON.stringify(alerts) },
      signal,
    );
    const text = await response.body.text();
    if (response.statusCode !== 200) throw unexpected(companionUrl, response.statusCode, text.slice(0, 500));
  }

  /** One call to the member's own API, answered as it is. */
  pass(
    companionUrl: string,
    options: Omit<Dispatcher.RequestOptions, 'origin'>,
    signal?: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    const deadline = AbortSignal.timeout(PASS_THROUGH_TIMEOUT_MS);
    return this.#request(companionUrl, options, signal ? AbortSignal.any([signal, deadline]) : deadline);
  }

  async #json(
    companionUrl: string,
    options: Omit<Dispatcher.RequestOptions, 'origin'>,
    timeout: number,
  ): Promise<unknown> {
    const response = await this.#request(companionUrl, options, AbortSignal.timeout(timeout));
    const body = await response.body.json();
    if (response.statusCode !== 200) throw unexpected(companionUrl, response.statusCode, body);
    return body;
  }

  async #request(
    companionUrl: string,
    options: Omit<Dispatcher.RequestOptions, 'origin'>,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    try {
      const dispatcher = await this.#tls.dispatcher();
      return await dispatcher.request({ ...options, origin: companionUrl, signal });
    } catch (error) {
      throw new DomainError({
        category: 'unavailable',
        code: 'member-unreachable',
        detail: `The companion at ${companionUrl} did not answer: ${messageOf(error)}. GET /api/v1/alerting/members shows each member's state.`,
        retryAfter: 2,
        cause: error,
      });
    }
  }
}

function unexpected(companionUrl: string, status: number, body: unknown): DomainError {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return new DomainError({
    category: 'bad-gateway',
    code: 'member-error',
    detail: `The companion at ${companionUrl} answered ${status}: ${text.slice(0, 500)}`,
  });
}
