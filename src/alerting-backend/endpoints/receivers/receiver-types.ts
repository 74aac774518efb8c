import { parsePrometheusDuration } from '../../../platform/units/prometheus-duration.js';
import type { FieldError } from '../../../platform/errors.js';
import type { HttpConfigDto } from './http-config.dto.js';
import { httpConfigErrors } from './http-config.rules.js';
import { WebhookReceiverDto } from './webhook.dto.js';

/** What the rest of the backend needs to know about one kind of receiver. Adding a kind is adding a row. */
export interface ReceiverType {
  /** Validates and documents the block. */
  block: new () => object;
  /** Secret locations in the block (`platform/secrets`). */
  secrets: readonly string[];
  /** Where the secrets are sent to: a change needs the secrets again. */
  destinations: readonly string[];
  /** Rules between fields that would make Alertmanager refuse the whole file; over the block with its secrets in clear. */
  check: (block: Record<string, unknown>, pointer: string) => FieldError[];
  /** The block as Alertmanager reads it. */
  render: (block: Record<string, unknown>) => Record<string, unknown>;
}

const HTTP_CONFIG_SECRETS = [
  '/http_config/basic_auth/password',
  '/http_config/authorization/credentials',
  '/http_config/oauth2/client_secret',
  '/http_config/oauth2/tls_config/key',
  '/http_config/tls_config/key',
  '/http_config/http_headers/*/secrets/*',
];

const HTTP_CONFIG_DESTINATIONS = [
  '/http_config/proxy_url',
  '/http_config/no_proxy',
  '/http_config/oauth2/token_url',
  '/http_config/oauth2/proxy_url',
  '/http_config/oauth2/tls_config/ca',
  '/http_config/oauth2/tls_config/server_name',
  '/http_config/oauth2/tls_config/insecure_skip_verify',
  '/http_config/tls_config/ca',
  '/http_config/tls_config/server_name',
  '/http_config/tls_config/insecure_skip_verify',
];

/** Alertmanager reads this one field in Go's notation, which knows neither days nor years. */
function goDuration(duration: unknown): string {
  return `${parsePrometheusDuration(String(duration)) ?? 0}ms`;
}

/** By Alertmanager's name of the list without `_configs`. */
export const RECEIVER_TYPES = {
  webhook: {
    block: WebhookReceiverDto,
    secrets: HTTP_CONFIG_SECRETS,
    destinations: ['/url', ...HTTP_CONFIG_DESTINATIONS],
    check: ({ http_config: config }, pointer) =>
      httpConfigErrors(config as HttpConfigDto | undefined, `${pointer}/http_config`),
    render: ({ timeout, ...block }: Record<string, unknown>) =>
      timeout === undefined ? block : { ...block, timeout: goDuration(timeout) },
  },
} as const satisfies Record<string, ReceiverType>;

export type ReceiverTypeName = keyof typeof RECEIVER_TYPES;

export const RECEIVER_TYPE_NAMES = Object.keys(RECEIVER_TYPES) as ReceiverTypeName[];

/** @throws Error for a type that validation lets through but the table lacks */
export function receiverType(name: string): ReceiverType {
  if (!Object.hasOwn(RECEIVER_TYPES, name)) throw new Error(`unknown receiver type ${name}`);
  return RECEIVER_TYPES[name as ReceiverTypeName];
}
