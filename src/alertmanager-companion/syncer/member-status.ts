import type { MemberStatus } from '../companion-api.js';
import { messageOf } from '../../platform/errors.js';
import { VERSION } from '../../platform/version.js';
import type { AlertmanagerClient } from './alertmanager-client.js';
import type { AlertmanagerMetrics } from './alertmanager-metrics.js';
import type { ConfigFiles } from './config-files.js';
import { sharedCall } from './shared-call.js';
import type { Syncer } from './syncer.js';

/** Together below the deadline of the gateway, so that it gets this answer and not none. */
const DEADLINE = 1_500;
const CLUSTER_DEADLINE = 500;

const NOTHING = { reachable: false, version: null, clusterStatus: null, peers: null, startedAt: null };

const SETTLED = 'ready';

/** Tells what really runs on one member: Alertmanager and the file are asked for every answer. */
export class MemberReporter {
  /** The start of an Alertmanager that was seen settled; it stays that until it ends. */
  #settledSince: string | null = null;
  readonly #report = sharedCall(
    () => this.#ask(),
    () => this.syncer.epoch,
  );

  constructor(
    private readonly name: string,
    private readonly syncer: Syncer,
    private readonly files: ConfigFiles,
    private readonly alertmanager: AlertmanagerClient,
  ) {}

  /** Callers of the same time share one answer, as long as no configuration came in between. */
  status(): Promise<MemberStatus> {
    return this.#report();
  }

  async #ask(): Promise<MemberStatus> {
    const [metrics, onDisk] = await Promise.all([
      this.alertmanager.metrics(DEADLINE).catch((error: unknown) => messageOf(error)),
      this.files.readAlertmanagerYml().catch(() => null),
    ]);
    const hash =
      typeof metrics === 'string'
        ? metrics
        : (metrics.configHash ?? 'Alertmanager answered without its hash.');
    const { sha256, error } = runningConfig(this.syncer, onDisk, hash);
    const { refused, appliedAt, sha256: applied } = this.syncer.state;
    return {
      name: this.name,
      companionVersion: VERSION,
      alertmanager: await this.#stateOf(metrics),
      config: {
        sha256,
        appliedAt: sha256 !== null && sha256 === applied ? appliedAt : null,
        error: error ?? refused?.reason ?? null,
        refused,
      },
    };
  }

  async #stateOf(metrics: AlertmanagerMetrics | string): Promise<MemberStatus['alertmanager']> {
    if (typeof metrics === 'string') return { ...NOTHING, error: metrics };
    const { version, startedAt, clusterMembers } = metrics;
    return {
      reachable: true,
      version,
      clusterStatus: clusterMembers === null ? 'disabled' : await this.#clusterStatus(startedAt),
      peers: Math.max(clusterMembers ?? 1, 1),
      startedAt,
      error: null,
    };
  }

  /**
   * No metric tells `settling` from `ready`, and asking is dear: it is done until this Alertmanager is ready, and not
   * while it loads a configuration.
   */
  async #clusterStatus(startedAt: string | null): Promise<string | null> {
    if (startedAt !== null && startedAt === this.#settledSince) return SETTLED;
    if (this.syncer.trying) return null;
    const status = await this.alertmanager.clusterStatus(CLUSTER_DEADLINE).catch(() => null);
    if (status === SETTLED) this.#settledSince = startedAt;
    return status;
  }
}

/** @param hash what Alertmanager says it runs, or why it does not say */
function runningConfig(
  syncer: Syncer,
  onDisk: Buffer | null,
  hash: number | string,
): { sha256: string | null; error: string | null } {
  const { lastGood } = syncer;
  if (onDisk === null) return { sha256: null, error: 'alertmanager.yml is missing or cannot be read.' };
  if (syncer.trying) return { sha256: null, error: 'A new configuration is being loaded.' };
  if (lastGood === null) return { sha256: null, error: 'No configuration of the gateway was accepted yet.' };
  if (!onDisk.equals(lastGood.bytes)) {
    return {
      sha256: null,
      error: 'alertmanager.yml was changed by somebody else; the next configuration replaces it.',
    };
  }
  if (typeof hash === 'string') return { sha256: null, error: hash };
  if (hash === lastGood.hash) return { sha256: lastGood.sha256, error: null };
  return { sha256: null, error: 'Alertmanager runs another configuration than the one in alertmanager.yml.' };
}
