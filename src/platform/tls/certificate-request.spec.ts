import { describe, expect, it } from 'vitest';
import { DomainError } from '../errors.js';
import { checkRequest, namesOf, namesOfCertificate } from './certificate-request.js';
import type { CertificateRequest } from './certificates.js';
import { mutualTlsClientOptions, mutualTlsServerOptions } from './mutual-tls.js';

const good: CertificateRequest = {
  commonName: 'alertmanager-companion main-0',
  dnsNames: ['localhost', '*.opni.svc', 'a-b.c'],
  ipAddresses: ['127.0.0.1', '::1'],
  uris: ['urn:opni:cluster:01h', 'spiffe://opni/agent?x=1'],
  usages: ['server', 'client'],
};

function pointers(
  change: Partial<CertificateRequest>,
  issuer: 'components' | 'agents' = 'components',
): unknown {
  try {
    checkRequest(issuer, { ...good, ...change });
    return [];
  } catch (error) {
    if (error instanceof DomainError) return error.errors.map(({ pointer }) => pointer);
    throw error;
  }
}

describe('certificate requests', () => {
  it('are accepted when every name has one reading', () => {
    expect(pointers({})).toEqual([]);
    expect(pointers({ usages: ['client'] }, 'agents')).toEqual([]);
  });

  it.each(['', ' x', 'a,CN=b', 'a+b', 'a=b', 'a"b', 'a\nb', 'é', 'a\0', 'a'.repeat(65)])(
    'are refused with the common name %j',
    (commonName) => {
      expect(pointers({ commonName })).toEqual(['/commonName']);
    },
  );

  it('are refused with other wrong names, naming each', () => {
    expect(pointers({ dnsNames: ['ok', '', 'a..b', '-a', 'a b', 'a,DNS:b', '*', 'a.*'] })).toEqual(
      [1, 2, 3, 4, 5, 6, 7].map((index) => `/dnsNames/${index}`),
    );
    expect(pointers({ ipAddresses: ['localhost', '1.2.3', '127.0.0.1/8'] })).toHaveLength(3);
    expect(pointers({ uris: ['x', 'a:b, DNS:c', 'a:"b"', 'a:\u00e9', 'A:b'] })).toHaveLength(5);
    expect(pointers({ usages: [] })).toEqual(['/usages']);
    expect(pointers({ ttl: 0 })).toEqual(['/ttl']);
    expect(pointers({}, 'agents')).toEqual(['/usages']);
  });

  it('compare their names with what a certificate prints', () => {
    const printed =
      'URI:spiffe://opni/agent?x=1, URI:urn:opni:cluster:01h, DNS:LOCALHOST, DNS:*.opni.svc, DNS:a-b.c, ' +
      'IP Address:0:0:0:0:0:0:0:1, IP Address:127.0.0.1';
    expect(namesOfCertificate(printed)).toEqual(namesOf(good));
    expect(namesOfCertificate('email:a@b')).toEqual(['other:email:a@b']);
    expect(namesOfCertificate(undefined)).toEqual([]);
  });
});

describe('mutual TLS options', () => {
  const bundle = { certificate: 'certificate', key: 'key', ca: 'ca' };

  it('always verify the peer, with TLS 1.3', () => {
    for (const options of [mutualTlsServerOptions(bundle), mutualTlsClientOptions(bundle)]) {
      expect(options).toMatchObject({ cert: 'certificate', rejectUnauthorized: true, minVersion: 'TLSv1.3' });
    }
    expect(mutualTlsServerOptions(bundle).requestCert).toBe(true);
    expect(mutualTlsClientOptions(bundle)).not.toHaveProperty('servername');
  });

  it('refuse an IP address as the server name', () => {
    expect(() => mutualTlsClientOptions(bundle, '127.0.0.1')).toThrow(/DNS names/);
    expect(mutualTlsClientOptions(bundle, 'a.b').servername).toBe('a.b');
  });
});
