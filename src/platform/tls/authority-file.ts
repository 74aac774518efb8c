import { createPrivateKey, X509Certificate } from 'node:crypto';
import { corruptFile, readJsonFile } from '../files/json-file.js';
import type { Sealer } from '../secrets/sealer.js';
import type { IssuerName } from './certificates.js';

/** An issuer's CA as it is used: PEM texts and when it ends, in milliseconds. */
export interface Authority {
  certificate: string;
  key: string;
  notAfter: number;
}

/** `<directory>/<issuer>/ca.json`: the certificate in clear, its key sealed. */
export function encodeAuthority(
  issuer: IssuerName,
  ca: { certificate: string; key: string },
  sealer: Sealer,
): string {
  const document = {
    schemaVersion: 1,
    issuer,
    certificate: ca.certificate,
    key: sealer.seal(ca.key, sealContext(issuer)),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/**
 * Reads and checks a CA file; `undefined` when there is none.
 * @throws DomainError `file-corrupt` saying what is wrong with it, `secret-unreadable` when its key does not open
 */
export async function readAuthority(
  file: string,
  issuer: IssuerName,
  sealer: Sealer,
): Promise<Authority | undefined> {
  const document = await readJsonFile(file);
  if (document === undefined) return undefined;
  const { schemaVersion, issuer: owner, certificate, key } = Object(document) as Record<string, unknown>;
  if (schemaVersion !== 1)
    throw corruptFile(file, 'it is not a CA file of a version that this release knows');
  if (owner !== issuer) throw corruptFile(file, `it does not belong to the issuer "${issuer}"`);
  if (typeof certificate !== 'string' || typeof key !== 'string') {
    throw corruptFile(file, 'its certificate or key is missing');
  }
  const opened = sealer.open(key, sealContext(issuer));
  let parsed: X509Certificate;
  let matches: boolean;
  try {
    parsed = new X509Certificate(certificate);
    matches = parsed.checkPrivateKey(createPrivateKey(opened));
  } catch {
    // OpenSSL's message says nothing that helps, and its cause could hold the key.
    throw corruptFile(file, 'its certificate or key cannot be parsed');
  }
  if (!parsed.ca) throw corruptFile(file, 'its certificate is not that of a CA');
  if (!matches) throw corruptFile(file, 'its key does not belong to its certificate');
  return { certificate, key: opened, notAfter: Date.parse(parsed.validTo) };
}

function sealContext(issuer: IssuerName): string {
  return `ca/${issuer}`;
}
