import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { FieldError } from '../../../platform/errors.js';
import type { HttpConfigDto, ReceiverTlsConfigDto } from './http-config.dto.js';

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * What makes Alertmanager refuse an `http_config`, some of it only when it loads the file, and then the whole file
 * (prometheus/common `HTTPClientConfig.Validate`, `NewTLSConfig`).
 *
 * @param pointer of the block, for the errors
 */
export function httpConfigErrors(config: HttpConfigDto | undefined, pointer: string): FieldError[] {
  if (config === undefined) return [];
  const errors: FieldError[] = [];
  const given = (['basic_auth', 'authorization', 'oauth2'] as const).filter(
    (name) => config[name] !== undefined,
  );
  for (const name of given.slice(1)) {
    errors.push({
      pointer: `${pointer}/${name}`,
      code: 'exclusive',
      detail: `cannot stand beside ${given[0] ?? ''}; use one of them`,
    });
  }
  if (config.no_proxy !== undefined && config.proxy_url === undefined) {
    errors.push({ pointer: `${pointer}/no_proxy`, code: 'requires', detail: 'needs proxy_url beside it' });
  }
  errors.push(...tlsErrors(config.tls_config, `${pointer}/tls_config`));
  errors.push(...tlsErrors(config.oauth2?.tls_config, `${pointer}/oauth2/tls_config`));
  return errors;
}

function tlsErrors(config: ReceiverTlsConfigDto | undefined, pointer: string): FieldError[] {
  if (config === undefined) return [];
  const { ca, cert, key, min_version: min, max_version: max } = config;
  const errors: FieldError[] = [];
  const refuse = (field: string, code: string, detail: string): void => {
    errors.push({ pointer: `${pointer}/${field}`, code, detail });
  };
  if (ca !== undefined && !areCertificates(ca)) refuse('ca', 'not-pem', 'must hold PEM certificates');
  if (cert !== undefined && !areCertificates(cert)) refuse('cert', 'not-pem', 'must hold a PEM certificate');
  if (key !== undefined && !isPrivateKey(key))
    refuse('key', 'not-pem', 'must hold an unencrypted PEM private key');
  if ((cert === undefined) !== (key === undefined)) {
    refuse(cert === undefined ? 'cert' : 'key', 'required', 'cert and key go together');
  }
  if (errors.length === 0 && cert !== undefined && key !== undefined && !belongTogether(cert, key)) {
    refuse('key', 'other-key', 'is not the key of cert');
  }
  if (min !== undefined && max !== undefined && min > max)
    refuse('max_version', 'range', 'must not be below min_version');
  return errors;
}

function areCertificates(text: string): boolean {
  const blocks = text.match(PEM_CERTIFICATE) ?? [];
  return blocks.length > 0 && blocks.every((block) => succeeds(() => new X509Certificate(block)));
}

function isPrivateKey(text: string): boolean {
  return succeeds(() => createPrivateKey(text));
}

function belongTogether(certificate: string, key: string): boolean {
  return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
}

function succeeds(attempt: () => unknown): boolean {
  try {
    attempt();
    return true;
  } catch {
    return false;
  }
}
