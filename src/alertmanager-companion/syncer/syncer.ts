import type { Logger } from 'pino';
import type { ConfigAcknowledgement, ConfigCheck, ConfigRefusal } from '../companion-api.js';
import { messageOf } from '../../platform/errors.js';
import { AlertmanagerUnreachable, type AlertmanagerClient } from './alertmanager-client.js';
import {
  CanonicalConfigError,
  parseCanonicalConfig,
  renderAlertmanagerConfig,
  type OwnWebhook,
} from './canonical-config.js';
import type { ConfigChecker } from './config-checker.js';
import { EMPTY_STATE, type ConfigFiles, type Refused, type SyncerState } from './config-files.js';
import { alertmanagerHashOf, sha256Of } from './config-hash.js';
import { ensureConfig, renderedFrom, type Rendered } from './ensure-config.js';
import { loadDeadline } from '../companion-api.js';
import { Mutex } from './mutex.js';
import { SecretScrubber } from './scrub-secrets.js';

/** Asking what runs takes milliseconds; right after a large load the answer waits for the memory to be cleaned up. */
const ASK_DEADLINE = 5_000;

/** A configuration was not taken; the last good one is in place. */
export class ConfigRefused extends Error {
  constructor(readonly refusal: ConfigRefusal) {
    super(refusal.reason);
  }
}

export interface SyncerOptions {
  files: ConfigFiles;
  checker: ConfigChecker;
  alertmanager: AlertmanagerClient;
  own: OwnWebhook;
  log: Logger;
  /** Milliseconds since the epoch. */
  now: () => number;
}

/**
 * Brings the gateway's configuration into Alertmanager. `alertmanager.yml` holds a configuration that Alertmanager was
 * seen to run, except during the moments in which a new one is tried.
 */
export class Syncer {
  readonly #writes = new Mutex();
  #lastGood: Rendered | null = null;
  #state: SyncerState = EMPTY_STATE;
  #trying = false;
  #epoch = 0;

  constructor(private readonly options: SyncerOptions) {}

  get lastGood(): Rendered | null {
    return this.#lastGood;
  }

  get state(): SyncerState {
    return this.#state;
  }

  /** Whether a new configuration stands in the file and is not confirmed yet. */
  get trying(): boolean {
    return this.#trying;
  }

  /** Grows whenever what `state`, `lastGood` or `trying` tell may have changed. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Guarantees a valid file before anything else; a running Alertmanager is told when the file was replaced. */
  async start(): Promise<void> {
    const { files, checker, own, log, alertmanager } = this.options;
    await files.sweep();
    const { lastGood, written } = await ensureConfig(files, checker, own, log);
    this.#lastGood = lastGood;
    this.#state = await files.readState();
    if (written) {
      // Usually it does not run yet, and reads the file when it starts.
      const deadline = loadDeadline((await files.readAlertmanagerYml())?.length ?? 0);
      void this.#writes.run(() => alertmanager.reload(deadline)).catch(() => undefined);
    }
  }

  /** Resolves when no write is under way. */
  async idle(): Promise<void> {
    await this.#writes.run(async () => undefined);
  }

  /** Checks a canonical configuration with this member's binary and changes nothing. */
  async check(bytes: Buffer): Promise<ConfigCheck> {
    try {
      const { config, text } = this.#render(bytes);
      const check = await this.options.checker.checkText(text);
      return {
        ...check,
        reason: check.reason === null ? null : SecretScrubber.of(config).scrub(check.reason),
      };
    } catch (error) {
      if (error instanceof ConfigRefused) return { accepted: false, reason: error.message };
      throw error;
    }
  }

  /**
   * Makes Alertmanager run a canonical configuration, one call at a time.
   * @throws ConfigRefused when it does not run it; then the last good one is in place
   */
  apply(sha256: string, bytes: Buffer): Promise<ConfigAcknowledgement> {
    return this.#writes.run(async () => {
      try {
        return await this.#apply(sha256, bytes);
      } catch (error) {
        if (error instanceof ConfigRefused) await this.#remember(sha256, error.refusal);
        throw error;
      }
    });
  }

  async #apply(sha256: string, bytes: Buffer): Promise<ConfigAcknowledgement> {
    if (sha256Of(bytes) !== sha256) {
      throw refused(
        'checksum-mismatch',
        'The SHA-256 of the body is not the one in the path; send it again.',
      );
    }
    const { config, text } = this.#render(bytes);
    const next = renderedFrom(bytes, text);
    if (await this.#runsAlready(next)) return this.#acknowledge(false);

    const candidate = await this.options.files.writeCandidate(text);
    try {
      const check = await this.options.checker.checkFile(candidate);
      if (!check.accepted)
        throw refused('refused-by-check', SecretScrubber.of(config).scrub(check.reason ?? ''));
      await this.#mustBeReachable();
      const previous = await this.options.files.readAlertmanagerYml();
      this.#setTrying(true);
      try {
        await this.options.files.putInPlace(candidate);
        await this.#load(next, config);
        await this.options.files.writeCanonical(bytes);
      } catch (error) {
        await this.#restore(this.#lastGood?.bytes ?? previous);
        throw error;
      }
      this.#lastGood = next;
    } finally {
      this.#setTrying(false);
      await this.options.files.discard(candidate);
    }
    return this.#acknowledge(true);
  }

  #render(bytes: Buffer): { config: Record<string, unknown>; text: string } {
    try {
      const config = parseCanonicalConfig(bytes);
      return { config, text: renderAlertmanagerConfig(config, this.options.own) };
    } catch (error) {
      if (error instanceof CanonicalConfigError) throw refused('malformed', error.message);
      throw error;
    }
  }

  async #runsAlready(next: Rendered): Promise<boolean> {
    if (this.#lastGood?.sha256 !== next.sha256 || !this.#lastGood.bytes.equals(next.bytes)) return false;
    const onDisk = await this.options.files.readAlertmanagerYml();
    if (onDisk?.equals(next.bytes) !== true) return false;
    try {
      return await this.options.alertmanager.runs(next.hash, ASK_DEADLINE);
    } catch (error) {
      if (error instanceof AlertmanagerUnreachable) throw notConfirmed(error);
      throw error;
    }
  }

  /** What nobody can load cannot be confirmed either; the file that Alertmanager will start with stays a proven one. */
  async #mustBeReachable(): Promise<void> {
    try {
      await this.options.alertmanager.configHash(ASK_DEADLINE);
    } catch (error) {
      if (!(error instanceof AlertmanagerUnreachable)) throw error;
      const onDisk = await this.options.files.readAlertmanagerYml();
      const good = this.#lastGood?.bytes;
      if (good !== undefined && onDisk?.equals(good) !== true)
        await this.options.files.writeAlertmanagerYml(good);
      throw notConfirmed(error);
    }
  }

  async #load(next: Rendered, config: Record<string, unknown>): Promise<void> {
    const { alertmanager } = this.options;
    try {
      const answer = await alertmanager.reload(loadDeadline(next.bytes.length));
      if (answer.status !== 200) {
        const words = SecretScrubber.of(config).scrub(answer.body.trim().slice(0, 2_000));
        throw refused('refused-by-alertmanager', words.replaceAll(this.options.files.dataDir, '…'));
      }
      if (!(await alertmanager.runs(next.hash, ASK_DEADLINE))) {
        throw refused(
          'not-confirmed',
          'Alertmanager reloaded, but the hash it shows is not that of the file.',
        );
      }
    } catch (error) {
      if (error instanceof AlertmanagerUnreachable) throw notConfirmed(error);
      throw error;
    }
  }

  async #restore(bytes: Buffer | null): Promise<void> {
    if (bytes === null) return;
    const { files, alertmanager, log } = this.options;
    await files.writeAlertmanagerYml(bytes);
    try {
      if (!(await alertmanager.runs(alertmanagerHashOf(bytes), ASK_DEADLINE)))
        await alertmanager.reload(loadDeadline(bytes.length));
    } catch (error) {
      log.warn(
        { reason: messageOf(error) },
        'The last good configuration is in place; Alertmanager could not be told.',
      );
    }
  }

  async #acknowledge(changed: boolean): Promise<ConfigAcknowledgement> {
    const sha256 = this.#lastGood?.sha256 ?? '';
    const known = !changed && this.#state.sha256 === sha256 ? this.#state.appliedAt : null;
    const appliedAt = known ?? this.#timestamp();
    if (known === null || this.#state.refused !== null)
      await this.#save({ sha256, appliedAt, refused: null });
    if (changed) this.options.log.info({ sha256 }, 'Alertmanager runs a new configuration.');
    return { sha256, changed, appliedAt };
  }

  async #remember(sha256: string, { code, reason }: ConfigRefusal): Promise<void> {
    this.options.log.warn(
      { sha256, code, reason },
      'A configuration was not taken; the last good one stays.',
    );
    // A damaged transfer or a stopped Alertmanager says nothing about the configuration.
    if (code === 'checksum-mismatch' || code === 'not-confirmed') return;
    const newest: Refused = { sha256, reason, at: this.#timestamp() };
    await this.#save({ ...this.#state, refused: newest }).catch((error: unknown) => {
      this.options.log.warn({ reason: messageOf(error) }, 'The refusal could not be written down.');
    });
  }

  async #save(state: SyncerState): Promise<void> {
    this.#state = state;
    this.#epoch += 1;
    await this.options.files.writeState(state);
  }

  #setTrying(trying: boolean): void {
    this.#trying = trying;
    this.#epoch += 1;
  }

  #timestamp(): string {
    return new Date(this.options.now()).toISOString();
  }
}

function refused(code: ConfigRefusal['code'], reason: string): ConfigRefused {
  return new ConfigRefused({ code, reason });
}

function notConfirmed(error: AlertmanagerUnreachable): ConfigRefused {
  const advice = error.connected
    ? 'It may have been stopped, or the configuration may end it; the last good one is in place.'
    : 'The last good configuration stays; send this one again when it runs.';
  return refused('not-confirmed', `${error.message} ${advice}`);
}
