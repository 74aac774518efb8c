import { isIP } from 'node:net';
import type { Issued, Validity } from '../../platform/tls/x509-builder.js';

const MINUTE = 60_000;

/** PEM texts. */
export interface ServerCertificate {
  cert: string;
  key: string;
}

/** A CA that lives as long as one test and only in memory; only the scratch Alertmanager of that test trusts it. */
export class RelayCertificates {
  private constructor(private readonly authority: Issued) {}

  static async create(): Promise<RelayCertificates> {
    // Loaded now: most companions never test an endpoint, and it takes 10 MB.
    const { createAuthority } = await import('../../platform/tls/x509-builder.js');
    return new RelayCertificates(await createAuthority('components', validity()));
  }

  /** PEM. */
  get ca(): string {
    return this.authority.certificate;
  }

  /** A server certificate for a DNS name or an IP address. */
  async issue(host: string): Promise<ServerCertificate> {
    const { issueLeaf } = await import('../../platform/tls/x509-builder.js');
    const names = isIP(host) === 0 ? { dnsNames: [host] } : { ipAddresses: [host] };
    const request = { commonName: 'endpoint test', ...names, usages: ['server' as const] };
    const { certificate, key } = await issueLeaf(this.authority, request, validity());
    return { cert: certificate, key };
  }
}

function validity(): Validity {
  const now = Date.now();
  return { notBefore: new Date(now - 5 * MINUTE), notAfter: new Date(now + 60 * MINUTE) };
}
