import { Injectable } from '@nestjs/common';
import { ulid } from 'ulid';
import type { EndpointTestRequest, EndpointTestResult } from '../../alertmanager-companion/companion-api.js';
import { Clock } from '../../platform/clock.js';
import { DomainError, invalid, messageOf, notFound } from '../../platform/errors.js';
import { refuseRedacted } from '../../platform/secrets/secret-fields.js';
import { Sealer } from '../../platform/secrets/sealer.js';
import { ObjectStore } from '../../platform/store/object-store.js';
import { MembersService } from '../cluster/members.service.js';
import { CompanionClient } from '../config-sync/companion-client.js';
import { openBlock } from '../config-sync/config-sync.service.js';
import { ENDPOINT_KIND, type Endpoint } from './endpoint.js';
import type { EndpointTestInputDto } from './endpoint-test.dto.js';
import { blockOf } from './endpoints.service.js';
import { hideSecrets } from './hide-secrets.js';
import { receiverType } from './receivers/receiver-types.js';

/** The receiver must have answered by then; milliseconds. */
const TEST_TIMEOUT_MS = 15_000;

/** Tests an endpoint by a real delivery through an Alertmanager of its own; nothing is stored. */
@Injectable()
export class EndpointTestsService {
  constructor(
    private readonly store: ObjectStore,
    private readonly sealer: Sealer,
    private readonly members: MembersService,
    private readonly companions: CompanionClient,
    private readonly clock: Clock,
  ) {}

  async run(input: EndpointTestInputDto): Promise<EndpointTestResult> {
    const { name, type, block } = await this.#subject(input);
    const id = ulid(this.clock.now());
    const test: EndpointTestRequest = {
      type,
      block,
      labels: { alertname: `Test of endpoint "${name}"`, opni_test_id: id, opni_severity: 'info' },
      annotations: {
        summary: `Test of endpoint "${name}"`,
        description: 'Somebody asked whether alerts arrive here. They do.',
      },
      timeout: TEST_TIMEOUT_MS,
    };
    const pointer = input.endpoint === undefined ? '/endpointId' : `/endpoint/${type}`;
    const result = await this.#throughAnyMember(test, pointer);
    const hide = (text: string | null): string | null =>
      text === null ? null : hideSecrets(text, block, receiverType(type).secrets);
    return { ...result, response: hide(result.response), error: hide(result.error) };
  }

  async #throughAnyMember(test: EndpointTestRequest, pointer: string): Promise<EndpointTestResult> {
    const failures: string[] = [];
    for (const { url } of await this.members.companionUrls()) {
      try {
        return await this.companions.testEndpoint(url, test, pointer);
      } catch (error) {
        // Only a member that was never reached may be replaced by another: a test is one delivery.
        if (!(error instanceof DomainError && error.code === 'member-unreachable')) throw error;
        failures.push(messageOf(error));
      }
    }
    throw new DomainError({
      category: 'unavailable',
      code: 'member-unreachable',
      detail: failures.join(' '),
      retryAfter: 2,
    });
  }

  async #subject({
    endpointId,
    endpoint,
  }: EndpointTestInputDto): Promise<{ name: string; type: string; block: Record<string, unknown> }> {
    if ((endpointId === undefined) === (endpoint === undefined)) {
      const detail = 'Send either endpointId (of a stored endpoint) or endpoint (as it would be created).';
      throw invalid(detail, [
        { pointer: endpoint ? '/endpoint' : '/endpointId', code: 'exactly-one', detail },
      ]);
    }
    if (endpoint !== undefined) {
      const block = blockOf(endpoint, '/endpoint');
      const { secrets, check, render } = receiverType(endpoint.type);
      const pointer = `/endpoint/${endpoint.type}`;
      refuseRedacted(block, secrets, pointer);
      const errors = check(block, pointer);
      if (errors.length > 0)
        throw invalid('Alertmanager would not take this. Correct the fields named in errors.', errors);
      return { name: endpoint.name, type: endpoint.type, block: render(block) };
    }
    const id = endpointId as string;
    const stored = await this.store.get<Endpoint>(ENDPOINT_KIND, id);
    if (!stored) throw notFound('endpoint', id);
    return {
      name: stored.document.name,
      type: stored.document.type,
      block: openBlock(id, stored.document, this.sealer),
    };
  }
}
