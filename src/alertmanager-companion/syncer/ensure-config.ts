import type { Logger } from 'pino';
import type { ConfigChecker } from './config-checker.js';
import {
  parseCanonicalConfig,
  renderAlertmanagerConfig,
  renderDefaultConfig,
  type OwnWebhook,
} from './canonical-config.js';
import type { ConfigFiles } from './config-files.js';
import { alertmanagerHashOf, sha256Of } from './config-hash.js';

/** A canonical configuration together with the file that it gives on this member. */
export interface Rendered {
  /** Of the canonical bytes. */
  sha256: string;
  bytes: Buffer;
  /** Of the file, as Alertmanager shows it. */
  hash: number;
}

export function renderedFrom(canonical: Uint8Array, text: string): Rendered {
  const bytes = Buffer.from(text);
  return { sha256: sha256Of(canonical), bytes, hash: alertmanagerHashOf(bytes) };
}

export interface EnsuredConfig {
  /** The last good configuration, or null when there was none that can be used. */
  lastGood: Rendered | null;
  /** Whether the file was written now. */
  written: boolean;
}

/**
 * Guarantees that `alertmanager.yml` is a configuration that Alertmanager can start with: the last one it was seen to
 * run, so that an unconfirmed or edited file does not outlive a restart; else a valid file that is already there;
 * else a default that delivers every alert to the embedded server.
 */
export async function ensureConfig(
  files: ConfigFiles,
  checker: ConfigChecker,
  own: OwnWebhook,
  log: Logger,
): Promise<EnsuredConfig> {
  const current = await files.readAlertmanagerYml();
  const lastGood = await readLastGood(files, own, log);
  if (lastGood !== null) {
    const inPlace = current?.equals(lastGood.bytes) === true;
    const check = await (inPlace
      ? checker.checkFile(files.alertmanagerYml)
      : checker.checkText(lastGood.bytes.toString()));
    if (check.accepted) {
      if (!inPlace) await files.writeAlertmanagerYml(lastGood.bytes);
      return { lastGood, written: !inPlace };
    }
    log.error('The last good configuration does not pass the check of this amtool any more.');
  } else if (current !== null && !isDefault(current, own)) {
    if ((await checker.checkFile(files.alertmanagerYml)).accepted) return { lastGood: null, written: false };
  }
  const text = Buffer.from(renderDefaultConfig(own));
  if (current?.equals(text) === true) return { lastGood: null, written: false };
  await files.writeAlertmanagerYml(text);
  log.warn('Wrote a default configuration: every alert goes to the embedded server.');
  return { lastGood: null, written: true };
}

/** Whether a file is the default of some start, perhaps with the address of then. */
function isDefault(file: Buffer, own: OwnWebhook): boolean {
  const [beforeUrl = ''] = renderDefaultConfig(own).split(JSON.stringify(own.url));
  return file.toString('utf8').startsWith(beforeUrl);
}

async function readLastGood(files: ConfigFiles, own: OwnWebhook, log: Logger): Promise<Rendered | null> {
  const canonical = await files.readCanonical();
  if (canonical === null) return null;
  try {
    const text = renderAlertmanagerConfig(parseCanonicalConfig(canonical), own);
    return renderedFrom(canonical, text);
  } catch (error) {
    log.error(
      { reason: error instanceof Error ? error.message : String(error) },
      'canonical.json cannot be used.',
    );
    return null;
  }
}
