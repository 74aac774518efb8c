import { createPrivateKey, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { SystemClock, type Clock } from '../clock.js';
import { readTextFile, writeFileWhenChanged } from '../files/atomic-file.js';
import { ensurePrivateDirectory } from '../files/private-directory.js';
import { namesOf, namesOfCertificate } from './certificate-request.js';
import type { CertificateBundle, CertificateRequest, Certificates, IssuerName } from './certificates.js';

export interface CertificatePaths {
  certificateFile: string;
  keyFile: string;
  caFile: string;
}

export interface WrittenCertificate extends CertificatePaths {
  /** Whether any file was written. */
  changed: boolean;
}

export interface EnsuredCertificate extends WrittenCertificate {
  bundle: CertificateBundle;
  /** RFC 3339: from then on `ensureCertificateFiles` issues a new one. */
  renewAt: string;
}

export interface CertificateFilesOptions {
  directory: string;
  issuer: IssuerName;
  request: CertificateRequest;
  clock?: Clock;
}

const USAGE_OIDS = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' } as const;

export function certificatePaths(directory: string): CertificatePaths {
  return {
    certificateFile: join(directory, 'tls.crt'),
    keyFile: join(directory, 'tls.key'),
    caFile: join(directory, 'ca.crt'),
  };
}

/**
 * Writes `tls.crt`, `tls.key` and `ca.crt` (0600, the directory 0700), each atomically and only when it differs. Between
 * two of them a reader can see a new key beside an old certificate; it must then try again.
 */
export async function writeCertificateFiles(
  directory: string,
  bundle: CertificateBundle,
): Promise<WrittenCertificate> {
  await ensurePrivateDirectory(directory);
  const paths = certificatePaths(directory);
  // One after the other: trust first, and the certificate last, which is what watchers of the files wait for.
  const ca = await writeFileWhenChanged(paths.caFile, bundle.ca);
  const key = await writeFileWhenChanged(paths.keyFile, bundle.key);
  const certificate = await writeFileWhenChanged(paths.certificateFile, bundle.certificate);
  return { ...paths, changed: ca || key || certificate };
}

/**
 * Files that hold a certificate for the request: those that are there while they match it, come from the issuer's
 * present CA and have more than a third of their life left; else newly issued ones.
 */
export async function ensureCertificateFiles(
  certificates: Certificates,
  { directory, issuer, request, clock = new SystemClock() }: CertificateFilesOptions,
): Promise<EnsuredCertificate> {
  const trusted = await certificates.trustBundle(issuer);
  const existing = await readBundle(directory, trusted);
  const bundle =
    existing !== undefined && serves(existing, request) && Date.parse(renewAt(existing)) > clock.now()
      ? existing
      : await certificates.issue(issuer, request);
  return { ...(await writeCertificateFiles(directory, bundle)), bundle, renewAt: renewAt(bundle) };
}

/** RFC 3339: when two thirds of the certificate's life are over. */
export function renewAt(bundle: Pick<CertificateBundle, 'certificate'>): string {
  const { validFrom, validTo } = new X509Certificate(bundle.certificate);
  const begin = Date.parse(validFrom);
  return new Date(begin + ((Date.parse(validTo) - begin) * 2) / 3).toISOString();
}

/** The files as a bundle with the present trust; `undefined` when one is missing, damaged, or of another CA. */
async function readBundle(directory: string, ca: string): Promise<CertificateBundle | undefined> {
  const paths = certificatePaths(directory);
  const [certificate, key] = await Promise.all([
    readTextFile(paths.certificateFile),
    readTextFile(paths.keyFile),
  ]);
  if (certificate === undefined || key === undefined) return undefined;
  try {
    const parsed = new X509Certificate(certificate);
    if (!parsed.checkPrivateKey(createPrivateKey(key)) || !signedByAny(parsed, ca)) return undefined;
    return { certificate, key, ca, notAfter: new Date(Date.parse(parsed.validTo)).toISOString() };
  } catch {
    // Not PEM: as good as absent, because it is issued anew.
    return undefined;
  }
}

function signedByAny(certificate: X509Certificate, bundle: string): boolean {
  return (bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [])
    .map((text) => new X509Certificate(text))
    .some((ca) => certificate.checkIssued(ca) && certificate.verify(ca.publicKey));
}

function serves({ certificate }: CertificateBundle, request: CertificateRequest): boolean {
  const parsed = new X509Certificate(certificate);
  const usages = request.usages.map((usage) => USAGE_OIDS[usage]);
  return (
    parsed.subject === `CN=${request.commonName}` &&
    namesOfCertificate(parsed.subjectAltName).join() === namesOf(request).join() &&
    (parsed.keyUsage ?? []).toSorted().join() === [...new Set(usages)].toSorted().join()
  );
}
