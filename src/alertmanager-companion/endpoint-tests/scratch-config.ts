import { isRecord } from '../http/parse-json.js';
import { RequestError } from '../http/request-error.js';
import type { ReceiverType } from './receiver-types.js';

/** How the relay reaches the receiver: what the block asked Alertmanager to do itself. */
export interface Upstream {
  /** PEM; the system's roots when left out. */
  ca?: string;
  cert?: string;
  key?: string;
  serverName?: string;
  insecureSkipVerify: boolean;
  proxyUrl?: string;
  followRedirects: boolean;
}

const TLS_FIELDS = new Set([
  'ca',
  'cert',
  'key',
  'server_name',
  'insecure_skip_verify',
  'min_version',
  'max_version',
]);
const PROXY_FIELDS = new Set(['proxy_url', 'no_proxy', 'proxy_from_environment', 'proxy_connect_header']);

/**
 * Reads how a block wants its receiver to be reached.
 * @throws RequestError 400 for what the relay cannot do in Alertmanager's place
 */
export function upstreamOf(block: Record<string, unknown>): Upstream {
  const http = isRecord(block['http_config']) ? block['http_config'] : {};
  const tls = isRecord(http['tls_config']) ? http['tls_config'] : {};
  for (const field of Object.keys(tls)) {
    if (!TLS_FIELDS.has(field))
      throw unsupported(`http_config/tls_config/${field}`, 'give the PEM text itself');
  }
  const proxyUrl = textOf(http['proxy_url']);
  if (proxyUrl !== undefined && !/^https?:\/\/[^/]/.test(proxyUrl)) {
    throw unsupported('http_config/proxy_url', 'only http and https proxies can be tested');
  }
  if (proxyUrl !== undefined && textOf(http['no_proxy']) !== undefined) {
    throw unsupported('http_config/no_proxy', 'leave it out for the test');
  }
  const settings: Record<keyof Upstream, unknown> = {
    ca: textOf(tls['ca']),
    cert: textOf(tls['cert']),
    key: textOf(tls['key']),
    serverName: textOf(tls['server_name']),
    insecureSkipVerify: tls['insecure_skip_verify'] === true,
    proxyUrl,
    followRedirects: http['follow_redirects'] !== false,
  };
  return Object.fromEntries(
    Object.entries(settings).filter(([, value]) => value !== undefined),
  ) as unknown as Upstream;
}

/**
 * The configuration of the scratch Alertmanager: one receiver with the block as it is, except that its connections go
 * through the relay, whose certificates it trusts. The target's URL, headers and credentials stay untouched.
 */
export function scratchConfig(
  type: ReceiverType,
  block: Record<string, unknown>,
  relay: { url: string; ca: string | null },
): Record<string, unknown> {
  const http = isRecord(block['http_config']) ? block['http_config'] : {};
  const kept = Object.entries(http).filter(([name]) => !PROXY_FIELDS.has(name) && name !== 'tls_config');
  const relayed = {
    ...Object.fromEntries(kept),
    proxy_url: relay.url,
    ...(relay.ca === null ? {} : { tls_config: { ca: relay.ca } }),
  };
  return {
    route: {
      receiver: 'test',
      group_by: ['...'],
      group_wait: '0s',
      group_interval: '5m',
      repeat_interval: '1h',
    },
    receivers: [{ name: 'test', [type.list]: [{ ...block, http_config: relayed }] }],
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function unsupported(field: string, advice: string): RequestError {
  return new RequestError(400, 'unsupported', `"block/${field}" cannot be used in a test: ${advice}.`);
}
