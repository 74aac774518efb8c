import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import type { CertificateRequest, IssuerName } from './certificates.js';

// Loaded only when something is signed (0.12 s): import this file dynamically.

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

export interface Validity {
  notBefore: Date;
  notAfter: Date;
}

/** PEM texts; the key is PKCS #8. */
export interface Issued {
  certificate: string;
  key: string;
}

/** A self-signed CA that may sign leaf certificates only; that of `agents` is good for client certificates only. */
export async function createAuthority(issuer: IssuerName, validity: Validity): Promise<Issued> {
  const keys = await generateKeys();
  const usages: CertificateRequest['usages'] = issuer === 'agents' ? ['client'] : ['server', 'client'];
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      ...validity,
      name: [{ O: ['opni'] }, { CN: [`opni ${issuer} CA ${randomBytes(4).toString('hex')}`] }],
      keys,
      serialNumber: randomSerial(),
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        extendedUsages(usages),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return { certificate: pem(certificate), key: await exportKey(keys.privateKey) };
}

/** A new key and its certificate, signed by the CA. The request must have been checked. */
export async function issueLeaf(
  authority: Issued,
  request: CertificateRequest,
  validity: Validity,
): Promise<Issued> {
  const keys = await generateKeys();
  const ca = new x509.X509Certificate(authority.certificate);
  const names: x509.JsonGeneralNames = [
    ...(request.dnsNames ?? []).map((value) => ({ type: 'dns' as const, value })),
    ...(request.ipAddresses ?? []).map((value) => ({ type: 'ip' as const, value })),
    ...(request.uris ?? []).map((value) => ({ type: 'url' as const, value })),
  ];
  const certificate = await x509.X509CertificateGenerator.create(
    {
      ...validity,
      serialNumber: randomSerial(),
      subject: [{ CN: [request.commonName] }],
      issuer: ca.subjectName,
      publicKey: keys.publicKey,
      signingKey: await importKey(authority.key),
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        extendedUsages(request.usages),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
        await x509.AuthorityKeyIdentifierExtension.create(ca.publicKey, false, webcrypto),
        ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
      ],
    },
    webcrypto,
  );
  return { certificate: pem(certificate), key: await exportKey(keys.privateKey) };
}

function extendedUsages(usages: CertificateRequest['usages']): x509.ExtendedKeyUsageExtension {
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
  return new x509.ExtendedKeyUsageExtension(
    [...new Set(usages)].map((usage) => (usage === 'server' ? serverAuth : clientAuth)),
  );
}

/** 127 random bits, positive and not zero in DER. */
function randomSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

function importKey(key: string): Promise<webcrypto.CryptoKey> {
  const der = x509.PemConverter.decodeFirst(key);
  return webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign']);
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  return `${x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`;
}

function pem(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}
