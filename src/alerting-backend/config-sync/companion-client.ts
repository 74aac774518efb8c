import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import {
  putDeadline,
  type ConfigAcknowledgement,
  type ConfigRefusal,
  type EndpointTestRequest,
  type EndpointTestResult,
  type MemberStatus,
  type MessagePage,
} from '../../alertmanager-companion/companion-api.js';
import { withDeadline } from '../../platform/deadline.js';
import { DomainError, messageOf } from '../../platform/errors.js';
import { Clock } from '../../platform/clock.js';
import { Certificates } from '../../platform/tls/certificates.js';
import { RenewingMutualTlsClient } from '../../platform/tls/renewing-mutual-tls-client.js';

const STATUS_TIMEOUT_MS = 2_500;
const MESSAGES_TIMEOUT_MS = 5_000;
const DEFAULT_TIMEOUT_MS = 5_000;

export interface CompanionCall {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With its query. */
  path: string;
  /** JSON. */
  body?: string;
  /** Milliseconds; 5 s when left out. */
  timeout?: number;
  signal?: AbortSignal;
}

export interface CompanionAnswer {
  status: number;
  contentType: string;
  body: Buffer;
}

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
    const certificate = { commonName: 'gateway', usages: ['client' as const] };
    this.#tls = new RenewingMutualTlsClient({
      certificates,
      issuer: 'components',
      request: certificate,
      clock,
    });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#tls.close();
  }

  async status(companionUrl: string): Promise<MemberStatus> {
    const call = { path: '/v1/status', method: 'GET' as const, timeout: STATUS_TIMEOUT_MS };
    return (await this.#expectJson(companionUrl, call)) as MemberStatus;
  }

  /** @throws ConfigRefusedError when the member says no */
  async putConfig(
    companionUrl: string,
    sha256: string,
    text: string,
    signal: AbortSignal,
  ): Promise<ConfigAcknowledgement> {
    const call = {
      path: `/v1/config/${sha256}`,
      method: 'PUT' as const,
      body: text,
      timeout: putDeadline(Buffer.byteLength(text)),
      signal,
    };
    const answer = await this.call(companionUrl, call);
    if (answer.status === 422) throw new ConfigRefusedError(parse(companionUrl, answer) as ConfigRefusal);
    if (answer.status !== 200) throw unexpected(companionUrl, answer);
    return parse(companionUrl, answer) as ConfigAcknowledgement;
  }

  async messages(companionUrl: string, after: number, limit: number): Promise<MessagePage> {
    const path = `/v1/messages?after=${after}&limit=${limit}`;
    const call = { path, method: 'GET' as const, timeout: MESSAGES_TIMEOUT_MS };
    return (await this.#expectJson(companionUrl, call)) as MessagePage;
  }

  /**
   * @param pointer of what is tested in the caller's body, for errors
   * @throws DomainError `too-many-tests`, `not-testable`
   */
  async testEndpoint(
    companionUrl: string,
    test: EndpointTestRequest,
    pointer: string,
  ): Promise<EndpointTestResult> {
    const call = {
      path: '/v1/endpoint-tests',
      method: 'POST' as const,
      body: JSON.stringify(test),
      timeout: test.timeout + 15_000,
    };
    const answer = await this.call(companionUrl, call);
    if (answer.status === 200) return parse(companionUrl, answer) as EndpointTestResult;
    const { code, detail = '' } = parse(companionUrl, answer) as { code?: string; detail?: string };
    if (answer.status === 429) {
      throw new DomainError({ category: 'too-many-requests', code: 'too-many-tests', detail, retryAfter: 1 });
    }
    if (code !== 'unsupported') throw unexpected(companionUrl, answer);
    throw new DomainError({
      category: 'invalid',
      code: 'not-testable',
      detail,
      errors: [{ pointer, code: 'not-testable', detail }],
    });
  }

  /** Posts alerts as Alertmanager's API v2 takes them. */
  async postAlerts(companionUrl: string, alerts: unknown[], signal: AbortSignal): Promise<void> {
    const call = { path: '/api/v2/alerts', method: 'POST' as const, body: JSON.stringify(alerts), signal };
    const answer = await this.call(companionUrl, call);
    if (answer.status !== 200) throw unexpected(companionUrl, answer);
  }

  /**
   * One call, answered as it is, whatever the status.
   *
   * @throws DomainError `member-unreachable`
   */
  async call(
    companionUrl: string,
    { path, method, body, timeout, signal }: CompanionCall,
  ): Promise<CompanionAnswer> {
    try {
      return await withDeadline(timeout ?? DEFAULT_TIMEOUT_MS, signal, async (deadline) => {
        // Loaded with the first call: a start does not pay for it.
        const { request } = await import('undici');
        const dispatcher = await this.#tls.dispatcher();
        const response = await request(new URL(path, companionUrl), {
          dispatcher,
          method,
          signal: deadline,
          ...(body === undefined ? {} : { body, headers: { 'content-type': 'application/json' } }),
        });
        return {
          status: response.statusCode,
          contentType: String(response.headers['content-type'] ?? 'application/json'),
          body: Buffer.from(await response.body.arrayBuffer()),
        };
      });
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

  async #expectJson(companionUrl: string, call: CompanionCall): Promise<unknown> {
    const answer = await this.call(companionUrl, call);
    if (answer.status !== 200) throw unexpected(companionUrl, answer);
    return parse(companionUrl, answer);
  }
}

function parse(companionUrl: string, answer: CompanionAnswer): unknown {
  try {
    return JSON.parse(answer.body.toString('utf8'));
  } catch {
    throw unexpected(companionUrl, answer);
  }
}

function unexpected(companionUrl: string, { status, body }: CompanionAnswer): DomainError {
  return new DomainError({
    category: 'bad-gateway',
    code: 'member-error',
    detail: `The companion at ${companionUrl} answered ${status}: ${body.subarray(0, 500).toString('utf8')}`,
  });
}
