import type { MemberStatus } from '../companion-api.js';
import { messageOf } from '../../platform/errors.js';
import { VERSION } from '../../platform/version.js';
import type { AlertmanagerClient } from './alertmanager-client.js';
import type { ConfigFiles } from './config-files.js';
import { alertmanagerHashOf } from './config-hash.js';
import type { Syncer } from './syncer.js';

/** Below the deadline of the gateway, so that it gets this answer and not none. */
const DEADLINE = 2_000;

const NOTHING = { reachable: false, version: null, clusterStatus: null, peers: null, startedAt: null };

/** What really runs: Alertmanager and the file are asked now, nothing is taken from memory. */
export async function memberStatus(
  name: string,
  syncer: Syncer,
  files: ConfigFiles,
  alertmanager: AlertmanagerClient,
): Promise<MemberStatus> {
  const [state, hash, onDisk] = await Promise.all([
    alertmanager.state(DEADLINE).then(
      (value) => ({ reachable: true, ...value, error: null }),
      (error: unknown) => ({ ...NOTHING, error: messageOf(error) }),
    ),
    alertmanager.configHash(DEADLINE).catch((error: unknown) => messageOf(error)),
    files.readAlertmanagerYml().catch(() => null),
  ]);
  const { sha256, error } = runningConfig(syncer, onDisk, hash);
  const { refused, appliedAt, sha256: applied } = syncer.state;
  return {
    name,
    companionVersion: VERSION,
    alertmanager: state,
    config: {
      sha256,
      appliedAt: sha256 !== null && sha256 === applied ? appliedAt : null,
      error: error ?? refused?.reason ?? null,
      refused,
    },
  };
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
  if (hash === alertmanagerHashOf(onDisk)) return { sha256: lastGood.sha256, error: null };
  return { sha256: null, error: 'Alertmanager runs another configuration than the one in alertmanager.yml.' };
}
