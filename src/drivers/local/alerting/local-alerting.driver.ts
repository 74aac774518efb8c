import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  AlertingDriver,
  type AlertingObservation,
  type AlertingPlan,
  type AlertingSpec,
  type ApplyOptions,
  type MemberSet,
  type Unsupported,
} from '../../../alerting-backend/alerting-driver.js';
import type {
  ComponentCatalogue,
  ResolvedComponent,
} from '../../../platform/components/component-catalogue.js';
import { withDeadline } from '../../../platform/deadline.js';
import { writeFileWhenChanged } from '../../../platform/files/atomic-file.js';
import { ensurePrivateDirectory } from '../../../platform/files/private-directory.js';
import type { Certificates } from '../../../platform/tls/certificates.js';
import { ensureCertificateFiles } from '../../../platform/tls/certificate-files.js';
import { portIsFree } from '../ports/port-is-free.js';
import type { PortRegistry } from '../ports/port-registry.js';
import type { ProcessSupervisor } from '../process-supervisor.js';
import type { ProcessSpec } from '../supervised-process.js';
import { unsupportedFields } from './unsupported-fields.js';
import { workloadOf } from './member-workloads.js';
import {
  alertmanagerProcess,
  companionProcess,
  memberNames,
  planMember,
  type MemberLayout,
  type MemberPlan,
  type PlannedProcess,
} from './member-plan.js';

const PROBE_TIMEOUT_MS = 1_000;
const STOP_TIMEOUT_MS = 8_000;
/** The reconciler tries again after this; meanwhile nobody looks whether a port was taken by somebody else. */
const STAGE_TIMEOUT_MS = 5_000;

export interface LocalAlertingDriverOptions {
  /** Owned by the driver: one folder for each member. */
  directory: string;
  supervisor: ProcessSupervisor;
  ports: PortRegistry;
  catalogue: ComponentCatalogue;
  certificates: Certificates;
  /** How to run a role of ours: the Node binary with its flags and the entry file. */
  self: { command: string; args: string[] };
}

/** Alertmanagers and companions as supervised child processes on loopback. */
export class LocalAlertingDriver extends AlertingDriver {
  override readonly name = 'local';
  #alertmanager: ResolvedComponent | undefined;
  /** What was applied last; empty until the first `apply` after a start. */
  #members: MemberLayout[] = [];
  /** The programs of the members as they were applied last, by name of the member. */
  readonly #applied = new Map<string, string>();
  readonly #watchers = new Set<() => void>();

  constructor(private readonly options: LocalAlertingDriverOptions) {
    super();
  }

  override async plan(spec: AlertingSpec): Promise<AlertingPlan> {
    const wanted = memberNames(spec).map((member) => member.name);
    const running = this.#members.map((member) => member.name);
    const added = wanted.filter((name) => !running.includes(name));
    const removed = running.filter((name) => !wanted.includes(name));
    const layouts = await Promise.all(
      memberNames(spec).map((member) => this.#layout(member.name, member.set)),
    );
    const binaries = { alertmanager: 'alertmanager', amtool: 'amtool', ...this.#alertmanager?.binaries };
    const plans = layouts.map((member) => ({
      name: member.name,
      plan: planMember({ spec, member, binaries, self: this.options.self }),
    }));
    const changed = plans.filter(
      ({ name, plan }) => running.includes(name) && this.#applied.get(name) !== JSON.stringify(plan),
    );
    const changes = [
      ...added.map((name) => `start member ${name}`),
      ...changed.map(({ name }) => `restart member ${name}`),
      ...removed.map((name) => `stop member ${name}`),
    ];
    return {
      changes,
      impact: changes.length > 0 ? 'restart' : 'none',
      manifests: plans.flatMap(({ plan }) => [plan.companion, plan.alertmanager]),
    };
  }

  override async apply(spec: AlertingSpec, { signal, onProgress }: ApplyOptions): Promise<void> {
    this.#alertmanager = await this.options.catalogue.resolve('alertmanager', {
      signal,
      onProgress: (progress) => onProgress('find-components', progress.message),
    });
    const binaries = binariesOf(this.#alertmanager);
    const wanted = memberNames(spec);
    for (const { name } of this.#members.filter((member) => !wanted.some((w) => w.name === member.name))) {
      await this.#stopMember(name);
    }
    this.#members = await Promise.all(wanted.map(({ name, set }) => this.#layout(name, set)));
    for (const member of this.#members) {
      onProgress('start-members', `starting ${member.name}`);
      const plan = planMember({ spec, member, binaries, self: this.options.self });
      await this.#startMember(member, plan, signal);
      this.#applied.set(member.name, JSON.stringify(plan));
    }
  }

  override async observe(): Promise<AlertingObservation> {
    const ready = (name: string): boolean => this.options.supervisor.state(name)?.phase === 'ready';
    return Promise.resolve({
      version: this.#alertmanager?.version ?? null,
      members: this.#members.map((member) => ({
        name: member.name,
        set: member.set,
        companionUrl: ready(companionProcess(member.name))
          ? `https://127.0.0.1:${member.ports.companion}`
          : null,
        pid: this.options.supervisor.state(alertmanagerProcess(member.name))?.pid ?? null,
      })),
      workloads: (['controller', 'worker'] as const)
        .map((set) => workloadOf(set, this.#members, (name) => this.options.supervisor.state(name)))
        .filter((workload) => workload.desired > 0),
    });
  }

  override watch(onChange: () => void): () => void {
    const unwatch = this.options.supervisor.onChange(onChange);
    this.#watchers.add(onChange);
    return () => {
      unwatch();
      this.#watchers.delete(onChange);
    };
  }

  override async remove({ deleteData }: { deleteData: boolean; signal: AbortSignal }): Promise<void> {
    // Also what a gateway that was killed has left, which nobody has taken over since.
    const running = (await this.options.supervisor.names()).flatMap((process) => memberOf(process) ?? []);
    const names = new Set([...this.#members.map((member) => member.name), ...running]);
    for (const name of names) await this.#stopMember(name);
    this.#members = [];
    // The supervisor has told of each process that stopped, while the member was still there.
    for (const tell of this.#watchers) tell();
    if (deleteData) await rm(this.options.directory, { recursive: true, force: true });
  }

  override supports(spec: AlertingSpec): Unsupported[] {
    return unsupportedFields(spec, this.#alertmanager?.version);
  }

  async #layout(name: string, set: MemberSet): Promise<MemberLayout> {
    const companion = companionProcess(name);
    return {
      name,
      set,
      directory: join(this.options.directory, name),
      ports: {
        alertmanager: await this.#port(`${name}-alertmanager`, alertmanagerProcess(name)),
        companion: await this.#port(`${name}-companion`, companion),
        probe: await this.#port(`${name}-probe`, companion),
      },
    };
  }

  /** The port that was used before, unless its process cannot start because somebody else has taken it. */
  async #port(name: string, process: string): Promise<number> {
    const { ports, supervisor } = this.options;
    const port = await ports.port(name);
    const phase = supervisor.state(process)?.phase;
    const died = phase === 'backing-off' || phase === 'crash-looping';
    return died && !(await portIsFree(port)) ? ports.replace(name) : port;
  }

  async #startMember(member: MemberLayout, plan: MemberPlan, signal: AbortSignal): Promise<void> {
    for (const folder of ['', 'companion', 'alertmanager', 'logs']) {
      await ensurePrivateDirectory(join(member.directory, folder));
    }
    await ensureCertificateFiles(this.options.certificates, {
      directory: join(member.directory, 'tls'),
      issuer: 'components',
      request: {
        commonName: `alertmanager-companion ${member.name}`,
        dnsNames: ['localhost'],
        ipAddresses: ['127.0.0.1'],
        usages: ['server', 'client'],
      },
    });
    const settings = `${JSON.stringify(plan.companionSettings, null, 2)}\n`;
    await writeFileWhenChanged(join(member.directory, 'companion.json'), settings);
    const { supervisor } = this.options;
    await supervisor.ensure(
      this.#process(plan.companion, member, `http://127.0.0.1:${member.ports.probe}/readyz`),
    );
    // The companion guarantees a valid configuration file; Alertmanager would exit without one.
    await withDeadline(STAGE_TIMEOUT_MS, signal, (deadline) =>
      supervisor.untilReady(plan.companion.name, { signal: deadline }),
    );
    await supervisor.ensure(
      this.#process(plan.alertmanager, member, `http://127.0.0.1:${member.ports.alertmanager}/-/ready`),
    );
  }

  async #stopMember(name: string): Promise<void> {
    this.#applied.delete(name);
    await this.options.supervisor.remove(alertmanagerProcess(name));
    await this.options.supervisor.remove(companionProcess(name));
  }

  #process(planned: PlannedProcess, member: MemberLayout, readyUrl: string): ProcessSpec {
    return {
      ...planned,
      cwd: member.directory,
      stopTimeout: STOP_TIMEOUT_MS,
      ready: (signal) =>
        withDeadline(PROBE_TIMEOUT_MS, signal, async (deadline) => {
          const { request } = await import('undici');
          const answer = await request(readyUrl, { signal: deadline });
          await answer.body.dump();
          return answer.statusCode === 200;
        }),
    };
  }
}

function binariesOf(component: ResolvedComponent): { alertmanager: string; amtool: string } {
  const { alertmanager, amtool } = component.binaries;
  if (alertmanager === undefined || amtool === undefined) {
    throw new Error('the catalogue resolved alertmanager without both of its binaries');
  }
  return { alertmanager, amtool };
}

/** The member that a process belongs to, if it belongs to one. */
function memberOf(process: string): string | undefined {
  return /^((?:controller|worker)-\d+)-(?:companion|alertmanager)$/.exec(process)?.[1];
}
