/** Two issuers that never trust each other: `components` (our own parts) and `agents` (client certificates of clusters). */
export type IssuerName = 'components' | 'agents';

export interface CertificateRequest {
  commonName: string;
  dnsNames?: string[];
  ipAddresses?: string[];
  uris?: string[];
  usages: ('server' | 'client')[];
  /** Milliseconds; the issuer's default when left out. */
  ttl?: number;
}

/** PEM texts. `ca` is the whole trust bundle of the issuer (during a rollover old and new together). */
export interface CertificateBundle {
  certificate: string;
  key: string;
  ca: string;
  /** RFC 3339. */
  notAfter: string;
}

/** Issues certificates for everything between our own parts. Local: an own CA; Kubernetes: cert-manager. */
export abstract class Certificates {
  abstract issue(issuer: IssuerName, request: CertificateRequest): Promise<CertificateBundle>;
  /** PEM, one or more CA certificates. */
  abstract trustBundle(issuer: IssuerName): Promise<string>;
}
