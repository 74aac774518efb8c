import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { CompanionSettings } from '../../../alertmanager-companion/companion-api.js';
import type { AlertingSpec, MemberSet } from '../../../alerting-backend/alerting-driver.js';
import { toGoDuration } from '../../../platform/units/go-duration.js';

/** Where one member lives and listens; everything else follows from it. */
export interface MemberLayout {
  name: string;
  set: MemberSet;
  directory: string;
  ports: { alertmanager: number; companion: number; probe: number };
}

export interface PlannedProcess {
  name: string;
  command: string;
  args: string[];
  env: Record<string, string>;
  logFile: string;
}

export interface MemberPlan {
  companion: PlannedProcess;
  companionSettings: CompanionSettings;
  alertmanager: PlannedProcess;
}

export interface PlanInput {
  spec: AlertingSpec;
  member: MemberLayout;
  binaries: { alertmanager: string; amtool: string };
  /** How to run a role of ours: the Node binary with the flags and the entry file. */
  self: { command: string; args: string[] };
}

/** Names of the members that a spec asks for, controllers first. */
export function memberNames(spec: AlertingSpec): { name: string; set: MemberSet }[] {
  const names = (set: MemberSet, count: number): { name: string; set: MemberSet }[] =>
    Array.from({ length: count }, (_, index) => ({ name: `${set}-${index}`, set }));
  return [...names('controller', spec.controllers.replicas), ...names('worker', spec.workers.replicas)];
}

export const companionProcess = (member: string): string => `${member}-companion`;
export const alertmanagerProcess = (member: string): string => `${member}-alertmanager`;

/** The files and command lines of one member. Pure. */
export function planMember({ spec, member, binaries, self }: PlanInput): MemberPlan {
  const companionDirectory = join(member.directory, 'companion');
  const settingsFile = join(member.directory, 'companion.json');
  const alertmanagerAddress = `127.0.0.1:${member.ports.alertmanager}`;
  const companionSettings: CompanionSettings = {
    member: member.name,
    listen: `127.0.0.1:${member.ports.companion}`,
    probeListen: `127.0.0.1:${member.ports.probe}`,
    alertmanagerUrl: `http://${alertmanagerAddress}`,
    dataDir: companionDirectory,
    tls: {
      certificateFile: join(member.directory, 'tls', 'tls.crt'),
      keyFile: join(member.directory, 'tls', 'tls.key'),
      caFile: join(member.directory, 'tls', 'ca.crt'),
    },
    binaries,
    logLevel: spec.logLevel,
  };
  return {
    companionSettings,
    companion: {
      name: companionProcess(member.name),
      command: self.command,
      args: [...self.args, 'alertmanager-companion', '--config', settingsFile],
      // It reads its settings once: other settings make it another program, which replaces the running one.
      env: {
        OPNI_SETTINGS_SHA256: createHash('sha256').update(JSON.stringify(companionSettings)).digest('hex'),
      },
      logFile: join(member.directory, 'logs', 'companion.log'),
    },
    alertmanager: {
      name: alertmanagerProcess(member.name),
      command: binaries.alertmanager,
      args: [
        `--config.file=${join(companionDirectory, 'alertmanager.yml')}`,
        `--storage.path=${join(member.directory, 'alertmanager')}`,
        `--web.listen-address=${alertmanagerAddress}`,
        `--web.external-url=http://${alertmanagerAddress}`,
        // One member has nobody to gossip with; with clustering on it would hold every page for 10 s after its start.
        '--cluster.listen-address=',
        `--data.retention=${toGoDuration(spec.retention)}`,
        // Without peers a silence is on disk only after this (15 m by default).
        '--data.maintenance-interval=5s',
        `--log.level=${spec.logLevel}`,
      ],
      env: {},
      logFile: join(member.directory, 'logs', 'alertmanager.log'),
    },
  };
}
