import { isIP } from 'node:net';
import { invalid, type FieldError } from '../errors.js';
import type { CertificateRequest, IssuerName } from './certificates.js';

const COMMON_NAME = /^[A-Za-z0-9][A-Za-z0-9 ._:@-]{0,63}$/;
const DNS_NAME =
  /^(?=.{1,253}$)(\*\.)?[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/;
/** Printable ASCII without what would have to be quoted where names are listed. */
const URI = /^[a-z][a-z0-9+.-]*:[\x21\x23-\x26\x28-\x2b\x2d-\x5b\x5d-\x7e]+$/;

/**
 * Checks a request before anything is signed: names that a verifier could read in another way are refused.
 * @throws DomainError `invalid` with a pointer per wrong field
 */
export function checkRequest(issuer: IssuerName, request: CertificateRequest): void {
  const errors: FieldError[] = [];
  const check = (good: boolean, pointer: string, detail: string): void => {
    if (!good) errors.push({ pointer, code: 'invalid', detail });
  };
  check(
    COMMON_NAME.test(request.commonName),
    '/commonName',
    'A common name is 1 to 64 letters, digits, spaces and . _ : @ -',
  );
  for (const [index, name] of (request.dnsNames ?? []).entries()) {
    check(DNS_NAME.test(name), `/dnsNames/${index}`, `"${name}" is not a DNS name.`);
  }
  for (const [index, address] of (request.ipAddresses ?? []).entries()) {
    check(isIP(address) !== 0, `/ipAddresses/${index}`, `"${address}" is not an IP address.`);
  }
  for (const [index, uri] of (request.uris ?? []).entries()) {
    check(URI.test(uri), `/uris/${index}`, `"${uri}" is not an absolute URI in plain ASCII.`);
  }
  check(request.usages.length > 0, '/usages', 'Name at least one of server, client.');
  check(
    issuer !== 'agents' || !request.usages.includes('server'),
    '/usages',
    'The issuer "agents" signs client certificates only.',
  );
  check(request.ttl === undefined || request.ttl > 0, '/ttl', 'A lifetime is longer than 0 ms.');
  if (errors.length > 0) throw invalid(`The certificate request is not acceptable.`, errors);
}

/** All alternative names in one comparable, sorted form: `dns:…`, `ip:…`, `uri:…`. */
export function namesOf(request: CertificateRequest): string[] {
  return [
    ...(request.dnsNames ?? []).map((name) => `dns:${name.toLowerCase()}`),
    ...(request.ipAddresses ?? []).map((address) => `ip:${canonicalAddress(address)}`),
    ...(request.uris ?? []).map((uri) => `uri:${uri}`),
  ].toSorted();
}

/** The same form from what node:crypto prints (`DNS:a, IP Address:::1, URI:…`). */
export function namesOfCertificate(subjectAltName: string | undefined): string[] {
  return (subjectAltName ?? '')
    .split(', ')
    .filter((name) => name !== '')
    .map((name) => {
      const [, kind = '', value = ''] = /^(DNS|IP Address|URI):(.*)$/.exec(name) ?? [];
      if (kind === 'DNS') return `dns:${value.toLowerCase()}`;
      if (kind === 'IP Address') return `ip:${canonicalAddress(value)}`;
      return kind === 'URI' ? `uri:${value}` : `other:${name}`;
    })
    .toSorted();
}

function canonicalAddress(address: string): string {
  return isIP(address) === 6 ? new URL(`http://[${address}]`).hostname : address;
}
