import { Injectable } from '@nestjs/common';
import { DomainError, messageOf } from '../../platform/errors.js';
import { MembersService } from '../cluster/members.service.js';
import { CompanionClient, type CompanionAnswer } from '../config-sync/companion-client.js';
import { isReservedLabel } from '../routing/alert-labels.js';

const PROBLEM = 'application/problem+json';

interface Call {
  method: 'GET' | 'POST' | 'DELETE';
  /** Below `/api/v2`, with its query. */
  path: string;
  body?: unknown;
}

/** Alertmanager's own API over all members. */
@Injectable()
export class AlertmanagerApiService {
  constructor(
    private readonly members: MembersService,
    private readonly companions: CompanionClient,
  ) {}

  /** From the first member that answers. */
  async ask(call: Call): Promise<CompanionAnswer> {
    const failures: string[] = [];
    for (const { url } of await this.members.companionUrls()) {
      try {
        return await this.#call(url, call);
      } catch (error) {
        failures.push(messageOf(error));
      }
    }
    throw noMember(failures);
  }

  /** To every member: alerts are not replicated between them. Succeeds when one took them. */
  async postAlerts(alerts: unknown): Promise<CompanionAnswer> {
    const reserved = reservedLabel(alerts);
    if (reserved !== undefined) {
      return native(
        400,
        `label ${JSON.stringify(reserved)} is reserved: names that start with "opni_" are set by the gateway only`,
      );
    }
    if (Array.isArray(alerts) && alerts.includes(null)) return native(400, 'an alert is null');
    const urls = await this.members.companionUrls();
    const outcomes = await Promise.allSettled(
      urls.map(({ url }) => this.#call(url, { method: 'POST', path: '/alerts', body: alerts })),
    );
    const answers = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    const best = answers.toSorted((a, b) => a.status - b.status)[0];
    if (best) return best;
    throw noMember(
      outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [messageOf(outcome.reason)] : [])),
    );
  }

  /** One of Alertmanager's own silences. */
  async silence(method: 'GET' | 'DELETE', id: string): Promise<CompanionAnswer> {
    // Anything else is no UUID to Alertmanager either, and might be another path.
    if (!/^[A-Za-z0-9-]+$/.test(id)) return native(422, `silence id ${JSON.stringify(id)} is not a UUID`);
    return this.ask({ method, path: `/silence/${id}` });
  }

  async postSilence(silence: unknown): Promise<CompanionAnswer> {
    const { matchers } = (silence ?? {}) as { matchers?: unknown };
    if (Array.isArray(matchers) && matchers.includes(null)) return native(400, 'a matcher is null');
    return this.ask({ method: 'POST', path: '/silences', body: silence });
  }

  async #call(url: string, { method, path, body }: Call): Promise<CompanionAnswer> {
    const answer = await this.companions.call(url, {
      method,
      path: `/api/v2${path}`,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    // Alertmanager never answers a problem: this is its companion, which could not reach it.
    if (answer.contentType.startsWith(PROBLEM)) throw new Error(answer.body.toString().slice(0, 500));
    return answer;
  }
}

/** Alertmanager answers errors as a JSON text. */
function native(status: number, message: string): CompanionAnswer {
  return { status, contentType: 'application/json', body: Buffer.from(`${JSON.stringify(message)}\n`) };
}

function noMember(failures: string[]): DomainError {
  return new DomainError({
    category: 'unavailable',
    code: 'member-unreachable',
    detail: `No Alertmanager answered: ${failures.join(' ')}`,
    retryAfter: 2,
  });
}

/**
 * The first label of ours among the alerts' labels. What is not a list of alerts is Alertmanager's to refuse.
 *
 * Alertmanager reads JSON as Go does: any member whose name is `labels` but for its case, and every one of them.
 */
export function reservedLabel(alerts: unknown): string | undefined {
  if (!Array.isArray(alerts)) return undefined;
  for (const alert of alerts as unknown[]) {
    if (typeof alert !== 'object' || alert === null) continue;
    for (const [member, labels] of Object.entries(alert)) {
      // Go folds "ſ" to "s"; so does toUpperCase, and not toLowerCase.
      if (member.toUpperCase() !== 'LABELS' || typeof labels !== 'object' || labels === null) continue;
      const found = Object.keys(labels as object).find(isReservedLabel);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}
