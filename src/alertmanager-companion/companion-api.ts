/**
 * The wire contract between the gateway and a companion: JSON over mTLS (issuer `components` on both sides).
 *
 * | call | what it does |
 * |---|---|
 * | `PUT /v1/config/{sha256}` | the canonical configuration, raw; checked, persisted, loaded, confirmed → `ConfigAcknowledgement`; `422` `ConfigRefusal` keeps the last good one |
 * | `POST /v1/config-checks` | checks a configuration with the member's own binary, changes nothing → `ConfigCheck` |
 * | `GET /v1/status` | what really runs, asked now → `MemberStatus` |
 * | `GET /v1/messages?after=&limit=` | the embedded server's ring, oldest first → `MessagePage` |
 * | `POST /v1/webhook` | where Alertmanager delivers (its own client certificate) |
 * | `POST /v1/endpoint-tests` | delivers one alert through a scratch Alertmanager → `EndpointTestResult` |
 * | `/api/v2/*`, `/metrics` | passed through to the member's Alertmanager |
 */

/** In the canonical configuration the receiver of this name has one webhook whose URL and certificates the companion fills in. */
export const EMBEDDED_RECEIVER = 'opni_embedded';
/** The URL that stands in the canonical configuration in place of the companion's own. */
export const EMBEDDED_URL_PLACEHOLDER = 'https://companion.invalid/v1/webhook';

export interface ConfigAcknowledgement {
  /** Of the canonical configuration. */
  sha256: string;
  /** Whether anything was written and reloaded; false when it ran already. */
  changed: boolean;
  /** RFC 3339. */
  appliedAt: string;
}

export interface ConfigRefusal {
  code: 'checksum-mismatch' | 'malformed' | 'refused-by-check' | 'refused-by-alertmanager' | 'not-confirmed';
  /** In Alertmanager's words where it has any; secrets of the configuration are taken out. */
  reason: string;
}

export interface ConfigCheck {
  accepted: boolean;
  reason: string | null;
}

export interface MemberStatus {
  name: string;
  companionVersion: string;
  alertmanager: {
    reachable: boolean;
    version: string | null;
    /** `ready`, `settling` or `disabled` as Alertmanager says. */
    clusterStatus: string | null;
    /** Members it sees, itself included; 1 when clustering is off. */
    peers: number | null;
    startedAt: string | null;
    error: string | null;
  };
  config: {
    /** Canonical sha256, only when Alertmanager's own hash, asked now, matches the file on disk; else null. */
    sha256: string | null;
    appliedAt: string | null;
    /** Why the hash is null, or why the newest configuration was refused. */
    error: string | null;
    /** The last configuration that was refused, if none was accepted since. */
    refused: { sha256: string; reason: string; at: string } | null;
  };
}

/** One alert as Alertmanager delivered it to the embedded server; later deliveries of the same alert update it. */
export interface Message {
  /** Position in the ring, growing; changes when the message is updated, so that `after` sees updates too. */
  sequence: number;
  fingerprint: string;
  status: 'firing' | 'resolved';
  labels: Record<string, string>;
  annotations: Record<string, string>;
  /** RFC 3339. */
  startsAt: string;
  endsAt: string | null;
  firstReceivedAt: string;
  lastReceivedAt: string;
  /** How often it was delivered. */
  deliveries: number;
}

export interface MessagePage {
  items: Message[];
  /** To pass as `after` the next time. */
  last: number;
  /** Identifies the ring; another value means that sequences start anew (data was lost or wiped). */
  ring: string;
}

export interface EndpointTestRequest {
  /** Alertmanager's name of the receiver list without `_configs`, e.g. `webhook`. */
  type: string;
  /** One element of that list, verbatim, with its secrets in clear. */
  block: Record<string, unknown>;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  /** Milliseconds until the test gives up. */
  timeout: number;
}

export interface EndpointTestResult {
  delivered: boolean;
  /** Of the receiver's answer; null without HTTP or without answer. */
  statusCode: number | null;
  /** Milliseconds between request and answer; null without answer. */
  latency: number | null;
  /** The first KiB of the answer. */
  response: string | null;
  error: string | null;
}

/** The file that `opni alertmanager-companion --config FILE` reads (JSON). Paths are absolute. */
export interface CompanionSettings {
  /** Name of the member, e.g. `controller-0`. */
  member: string;
  /** `127.0.0.1:port` of the mTLS port. */
  listen: string;
  /** `127.0.0.1:port` of the plain port that answers `/healthz` and `/readyz` and nothing else. */
  probeListen: string;
  /** `http://127.0.0.1:port` of the member's Alertmanager. */
  alertmanagerUrl: string;
  /** Holds `alertmanager.yml` (what Alertmanager reads), `canonical.json`, the ring and scratch space. */
  dataDir: string;
  /** `server` and `client` usage; Alertmanager uses it too when it calls the webhook. */
  tls: { certificateFile: string; keyFile: string; caFile: string };
  binaries: { alertmanager: string; amtool: string };
  logLevel: string;
}

const MIB = 1024 * 1024;

/**
 * Milliseconds that checking a configuration may take, and loading it just as well: 20 s for a machine that is busy
 * with something else, and 2 s for each MiB. Alertmanager 0.31.1 needs 0.07 s for one (10,000 receivers, 9 MiB: 0.65 s
 * each on two processors), so that about thirty times that is left to a slow or busy machine. What loading costs grows
 * with the file; a limit that does not grow is missed by large files alone.
 */
export function loadDeadline(bytes: number): number {
  return 20_000 + Math.ceil((bytes / MIB) * 2_000);
}

/** Milliseconds for a whole `PUT /v1/config`: a check, a load, and a second load when the last good one must come back. */
export function putDeadline(bytes: number): number {
  return 20_000 + 3 * loadDeadline(bytes);
}
