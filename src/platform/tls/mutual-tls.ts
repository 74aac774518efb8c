import { isIP } from 'node:net';
import type { TlsOptions } from 'node:tls';
import type { CertificateBundle } from './certificates.js';

type Identity = Pick<CertificateBundle, 'certificate' | 'key' | 'ca'>;

/** Options of a `node:https` or `node:tls` server that talks to holders of a certificate of the same issuer only. */
export function mutualTlsServerOptions(bundle: Identity): TlsOptions & {
  requestCert: true;
  rejectUnauthorized: true;
} {
  return {
    cert: bundle.certificate,
    key: bundle.key,
    ca: bundle.ca,
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.3',
  };
}

export interface MutualTlsConnectOptions {
  cert: string;
  key: string;
  ca: string;
  rejectUnauthorized: true;
  minVersion: 'TLSv1.3';
  servername?: string;
}

/**
 * Options of `tls.connect`, `https.request` and an undici `Agent`'s `connect`.
 * @param serverName the name that the server's certificate must hold, when it is not the host that is called. Leave it
 *   out to verify the called host, also an IP address (for which TLS sends no server name).
 */
export function mutualTlsClientOptions(bundle: Identity, serverName?: string): MutualTlsConnectOptions {
  if (serverName !== undefined && isIP(serverName) !== 0) {
    throw new Error('TLS server names are DNS names; call the IP address itself to verify it.');
  }
  return {
    cert: bundle.certificate,
    key: bundle.key,
    ca: bundle.ca,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.3',
    ...(serverName === undefined ? {} : { servername: serverName }),
  };
}
