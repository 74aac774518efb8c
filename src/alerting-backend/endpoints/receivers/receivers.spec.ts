import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { httpConfigErrors } from './http-config.rules.js';
import { isReceiverUrl } from './receiver-validators.js';
import { RECEIVER_TYPES } from './receiver-types.js';

const pointers = (config: Parameters<typeof httpConfigErrors>[0]): (string | undefined)[] =>
  httpConfigErrors(config, '/webhook/http_config').map((error) => error.pointer);

describe('isReceiverUrl', () => {
  it.each([
    'http://127.0.0.1:9999/alerts',
    'https://example.org',
    'https://example.org/a%20b?x={y}&z=1#f',
    'http://[::1]:80/',
    'http://my_service.svc:8080/x',
  ])('takes %s', (url) => expect(isReceiverUrl(url)).toBe(true));

  it.each([
    '',
    'example.org',
    'ftp://example.org',
    'http://',
    'http:///x',
    'http://user:pass@example.org',
    'http://user@example.org',
    'http://example.org/a b',
    'http://example.org/%zz',
    'http://example.org\\x',
    'http://example.org:99999',
    'http://example.org/\n',
    'http://example.org/{{ .x }}',
    'http://exa%6Dple.org',
    'javascript:alert(1)',
    'http://[::1',
    `http://e.org/${'x'.repeat(9000)}`,
    7,
    null,
  ])('refuses %s', (url) => expect(isReceiverUrl(url)).toBe(false));

  it('takes nothing that the URL standard cannot parse', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.webUrl(),
          fc.string().map((text) => `http://${text}`),
        ),
        (url) => {
          expect(!isReceiverUrl(url) || URL.canParse(url)).toBe(true);
        },
      ),
    );
  });
});

describe('httpConfigErrors', () => {
  it('names the second of two exclusive ways to authenticate', () => {
    expect(pointers({ basic_auth: { username: 'a' }, authorization: { credentials: 'b' } })).toEqual([
      '/webhook/http_config/authorization',
    ]);
  });

  it('wants a proxy for no_proxy, and cert beside key', () => {
    expect(pointers({ no_proxy: 'x' })).toEqual(['/webhook/http_config/no_proxy']);
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    expect(pointers({ tls_config: { key } })).toEqual(['/webhook/http_config/tls_config/cert']);
  });

  it('refuses what is no PEM, which Alertmanager would only find out when it loads the file', () => {
    expect(pointers({ tls_config: { ca: 'nonsense' } })).toEqual(['/webhook/http_config/tls_config/ca']);
    const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----';
    expect(
      pointers({ oauth2: { client_id: 'a', token_url: 'http://x', tls_config: { ca: broken } } }),
    ).toEqual(['/webhook/http_config/oauth2/tls_config/ca']);
  });

  it('takes what is in order', () => {
    expect(pointers(undefined)).toEqual([]);
    expect(
      pointers({ basic_auth: { username: 'a', password: 'b' }, proxy_url: 'http://p', no_proxy: 'x' }),
    ).toEqual([]);
  });
});

describe('webhook', () => {
  it('is rendered with its timeout as Go reads it', () => {
    expect(RECEIVER_TYPES.webhook.render({ url: 'http://x', timeout: '1d' })).toEqual({
      url: 'http://x',
      timeout: '86400000ms',
    });
    expect(RECEIVER_TYPES.webhook.render({ url: 'http://x' })).toEqual({ url: 'http://x' });
  });
});
