import { EMBEDDED_RECEIVER, EMBEDDED_URL_PLACEHOLDER } from '../companion-api.js';
import { JsonError, isRecord, parseJson, visit } from '../http/parse-json.js';

/** What the placeholder of the canonical configuration is filled with. Paths are absolute. */
export interface OwnWebhook {
  url: string;
  tls: { certificateFile: string; keyFile: string; caFile: string };
}

/** The canonical configuration cannot be used; the message has no value of it. */
export class CanonicalConfigError extends Error {}

/**
 * Reads the canonical configuration and refuses what Alertmanager must never be shown: null in some lists kills its
 * process although `amtool` accepts it, and text that is no Unicode cannot be written as YAML.
 * @throws CanonicalConfigError
 */
export function parseCanonicalConfig(bytes: Uint8Array): Record<string, unknown> {
  try {
    const value = parseJson(bytes);
    if (!isRecord(value)) throw new JsonError('The configuration must be one JSON object.');
    mustBeWritable(value);
    return value;
  } catch (error) {
    if (error instanceof JsonError) throw new CanonicalConfigError(error.message);
    throw error;
  }
}

/**
 * Refuses null and broken Unicode anywhere in a value that is to become a configuration.
 * @throws JsonError
 */
export function mustBeWritable(value: unknown): void {
  visit(value, refuse);
}

function refuse(value: unknown, pointer: () => string): void {
  if (value === null) throw new JsonError(`null is not allowed; it stands at ${pointer()}.`);
  if (typeof value === 'string' && hasLoneSurrogate(value)) {
    throw new JsonError(`The text at ${pointer()} is not valid Unicode: half of a surrogate pair.`);
  }
  if (isRecord(value) && Object.keys(value).some(hasLoneSurrogate)) {
    throw new JsonError(`A name in ${pointer()} is not valid Unicode: half of a surrogate pair.`);
  }
}

function hasLoneSurrogate(text: string): boolean {
  return /\p{Cs}/u.test(text);
}

/** The text of `alertmanager.yml`: the same canonical configuration and webhook always give the same bytes. */
export function renderAlertmanagerConfig(canonical: Record<string, unknown>, own: OwnWebhook): string {
  return toYaml(fillPlaceholder(canonical, own));
}

/** What runs before the gateway has sent anything: every alert goes to the embedded server. */
export function renderDefaultConfig(own: OwnWebhook): string {
  return renderAlertmanagerConfig(
    {
      route: {
        receiver: EMBEDDED_RECEIVER,
        group_by: ['...'],
        group_wait: '1s',
        group_interval: '1m',
        repeat_interval: '4h',
      },
      receivers: [
        {
          name: EMBEDDED_RECEIVER,
          webhook_configs: [{ url: EMBEDDED_URL_PLACEHOLDER, send_resolved: true }],
        },
      ],
    },
    own,
  );
}

function fillPlaceholder(canonical: Record<string, unknown>, own: OwnWebhook): Record<string, unknown> {
  const { receivers } = canonical;
  if (!Array.isArray(receivers)) return canonical;
  return { ...canonical, receivers: receivers.map((receiver: unknown) => fillReceiver(receiver, own)) };
}

function fillReceiver(receiver: unknown, own: OwnWebhook): unknown {
  if (!isRecord(receiver) || receiver['name'] !== EMBEDDED_RECEIVER) return receiver;
  const { webhook_configs: webhooks } = receiver;
  if (!Array.isArray(webhooks)) return receiver;
  return { ...receiver, webhook_configs: webhooks.map((webhook: unknown) => fillWebhook(webhook, own)) };
}

function fillWebhook(webhook: unknown, own: OwnWebhook): unknown {
  if (!isRecord(webhook) || webhook['url'] !== EMBEDDED_URL_PLACEHOLDER) return webhook;
  const http = isRecord(webhook['http_config']) ? webhook['http_config'] : {};
  return {
    ...webhook,
    url: own.url,
    http_config: {
      ...http,
      tls_config: { cert_file: own.tls.certificateFile, key_file: own.tls.keyFile, ca_file: own.tls.caFile },
    },
  };
}

/**
 * JSON is YAML, except for characters that YAML does not allow raw (C1 controls, DEL, non-characters, byte order mark)
 * or reads as line breaks (U+0085, U+2028, U+2029); inside strings all of them may be escaped.
 */
export function toYaml(value: unknown): string {
  const json = JSON.stringify(value, null, 1);
  return `${json.replace(/[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g, escapeUnit)}\n`;
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
