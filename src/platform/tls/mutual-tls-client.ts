import { Agent } from 'undici';
import type { CertificateBundle } from './certificates.js';
import { mutualTlsClientOptions } from './mutual-tls.js';

export interface MutualTlsClientOptions {
  /** The DNS name the certificate must hold, when it is not the host that is called. */
  serverName?: string;
  /** Milliseconds to reach and verify the peer. Default 5 s. */
  connectTimeout?: number;
  /** Milliseconds until the answer begins. Default 30 s. */
  headersTimeout?: number;
  /** Milliseconds between two parts of the body. Default 30 s. */
  bodyTimeout?: number;
}

/** A dispatcher for undici's `request` that presents this certificate for as long as it lives. The owner closes it. */
export function mutualTlsClient(bundle: CertificateBundle, options: MutualTlsClientOptions = {}): Agent {
  return new Agent({
    connect: {
      ...mutualTlsClientOptions(bundle, options.serverName),
      timeout: options.connectTimeout ?? 5_000,
    },
    headersTimeout: options.headersTimeout ?? 30_000,
    bodyTimeout: options.bodyTimeout ?? 30_000,
  });
}
