import { X509Certificate } from 'node:crypto';
import type { CertificateBundle } from './certificates.js';

/** RFC 3339: when two thirds of the certificate's life are over. */
export function renewAt(bundle: Pick<CertificateBundle, 'certificate'>): string {
  const { validFrom, validTo } = new X509Certificate(bundle.certificate);
  const begin = Date.parse(validFrom);
  return new Date(begin + ((Date.parse(validTo) - begin) * 2) / 3).toISOString();
}
