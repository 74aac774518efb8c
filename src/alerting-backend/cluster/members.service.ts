import { Injectable } from '@nestjs/common';
import type { MemberStatus } from '../../alertmanager-companion/companion-api.js';
import { messageOf } from '../../platform/errors.js';
import { AlertingDriver, type AlertingObservation, type MemberWorkload } from '../alerting-driver.js';
import { timingOf } from '../configuration/alerting-configuration.js';
import { AlertingDocuments } from '../configuration/alerting-documents.js';
import { CompanionClient } from '../config-sync/companion-client.js';
import { ConfigSyncService } from '../config-sync/config-sync.service.js';
import type { MemberDto } from './cluster.dto.js';
import { InstallationService } from './installation.service.js';

export interface ClusterSnapshot {
  observation: AlertingObservation;
  members: MemberDto[];
}

/** What every member says about itself, asked now and in parallel; a silent member is a row, not an error. */
@Injectable()
export class MembersService {
  constructor(
    private readonly driver: AlertingDriver,
    private readonly companions: CompanionClient,
    private readonly configSync: ConfigSyncService,
    private readonly installation: InstallationService,
    private readonly documents: AlertingDocuments,
  ) {}

  async snapshot(): Promise<ClusterSnapshot> {
    const installation = await this.installation.current();
    const observation = await this.driver.observe();
    if (installation?.document.state !== 'installed') return { observation, members: [] };
    const { document } = await this.documents.effective();
    const { sha256 } = await this.configSync.compile(timingOf(document));
    const members = await Promise.all(observation.members.map((member) => this.#member(member, sha256)));
    return { observation, members };
  }

  /**
   * The companions to send something to.
   *
   * @throws DomainError `backend-not-ready` when there is none
   */
  async companionUrls(): Promise<{ name: string; url: string }[]> {
    const installation = await this.installation.current();
    const { members } = await this.driver.observe();
    const reachable = members.flatMap(({ name, companionUrl }) =>
      companionUrl === null ? [] : [{ name, url: companionUrl }],
    );
    if (installation?.document.state !== 'installed' || reachable.length === 0) {
      throw this.installation.notReady(installation);
    }
    return reachable;
  }

  async #member(member: MemberWorkload, desired: string): Promise<MemberDto> {
    const answer = await this.#ask(member);
    const status = typeof answer === 'string' ? undefined : answer;
    const configHash = status?.config.sha256 ?? null;
    return {
      name: member.name,
      set: member.set,
      address: member.companionUrl,
      pid: member.pid,
      version: status?.alertmanager.version ?? null,
      peers: status?.alertmanager.peers ?? null,
      configHash,
      inSync: configHash === desired,
      lastError:
        typeof answer === 'string'
          ? answer
          : (answer.alertmanager.error ??
            answer.config.error ??
            this.configSync.member(member.name)?.error ??
            null),
    };
  }

  async #ask(member: MemberWorkload): Promise<MemberStatus | string> {
    if (member.companionUrl === null) return 'its companion is not running';
    try {
      return await this.companions.status(member.companionUrl);
    } catch (error) {
      return messageOf(error);
    }
  }
}
