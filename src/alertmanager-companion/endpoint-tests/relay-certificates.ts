import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const MINUTE = 60_000;

export interface ServerCertificate {
  cert: string;
  key: string;
}

/** A CA that lives as long as one test and only in memory; only the scratch Alertmanager of that test trusts it. */
export class RelayCertificates {
  private constructor(
    private readonly keys: webcrypto.CryptoKeyPair,
    /** PEM. */
    readonly ca: string,
  ) {}

  static async create(): Promise<RelayCertificates> {
    const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
    const ca = await X509CertificateGenerator.createSelfSigned({
      name: 'CN=endpoint test',
      keys,
      signingAlgorithm: ALGORITHM,
      ...validity(),
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
      ],
    });
    return new RelayCertificates(keys, ca.toString('pem'));
  }

  /** A server certificate for a DNS name or an IP address. */
  async issue(host: string): Promise<ServerCertificate> {
    const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
    const certificate = await X509CertificateGenerator.create({
      subject: 'CN=endpoint test relay',
      issuer: 'CN=endpoint test',
      publicKey: keys.publicKey,
      signingKey: this.keys.privateKey,
      signingAlgorithm: ALGORITHM,
      ...validity(),
      extensions: [
        new SubjectAlternativeNameExtension([{ type: isIP(host) === 0 ? 'dns' : 'ip', value: host }]),
      ],
    });
    const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
    const lines = key.match(/.{1,64}/g)?.join('\n') ?? '';
    return {
      cert: certificate.toString('pem'),
      key: `-----BEGIN PRIVATE KEY-----\n${lines}\n-----END PRIVATE KEY-----\n`,
    };
  }
}

function validity(): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - 5 * MINUTE), notAfter: new Date(now + 60 * MINUTE) };
}
