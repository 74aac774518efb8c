import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DomainError } from '../errors.js';
import { keepSecrets, type KeepOptions } from './keep-secrets.js';
import { KeyFileSealer } from './key-file-sealer.js';
import { openSecrets, redactSecrets, refuseRedacted, sealSecrets } from './secret-fields.js';

const sealer = new KeyFileSealer([{ id: '0123abcd', secret: randomBytes(32) }], 'the test key');
const context = 'endpoint/1';

const patterns = [
  '/http_config/basic_auth/password',
  '/http_config/http_headers/*/secrets/*',
  '/targets/*/token',
  '/a~1b',
];
const options = { patterns, sealer, context };
const keyed = [{ pattern: '/targets/*', key: 'name' }];

/** Long enough never to be part of anything else by chance. */
const secret = fc.string({ minLength: 1, unit: 'binary' }).map((text) => `S3cr3t!${text}`);
const name = fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'toString', 'a/b', '~', '*'));
const headers = fc.dictionary(
  name,
  fc.record({ values: fc.array(fc.string()), secrets: fc.array(secret) }, { requiredKeys: [] }),
);
const target = fc.record({ name: fc.string(), token: fc.option(secret), port: fc.nat() });
const documents = fc.record(
  {
    url: fc.webUrl(),
    http_config: fc.record(
      {
        basic_auth: fc.record({ username: fc.string(), password: fc.oneof(secret, fc.constant('')) }),
        http_headers: headers,
      },
      { requiredKeys: [] },
    ),
    targets: fc.uniqueArray(target, { selector: (item) => item.name, maxLength: 4 }),
    'a/b': secret,
  },
  { requiredKeys: [] },
);

describe('secret fields', () => {
  it('redaction leaves no secret, sealed or clear, and nothing else changes', () => {
    fc.assert(
      fc.property(documents, (document) => {
        const copy = structuredClone(document);
        const redacted = redactSecrets(document, patterns);
        expect(JSON.stringify(redacted)).not.toContain('S3cr3t!');
        expect(JSON.stringify(redactSecrets(sealSecrets(document, options), patterns))).toBe(
          JSON.stringify(redacted),
        );
        expect(document).toEqual(copy);
        expect(redacted.url).toBe(document.url);
      }),
    );
  });

  it('what is sealed opens to what it was, and sealing twice is sealing once', () => {
    fc.assert(
      fc.property(documents, (document) => {
        const sealed = sealSecrets(document, options);
        expect(JSON.stringify(sealed)).not.toContain('S3cr3t!');
        expect(sealSecrets(sealed, options)).toEqual(sealed);
        expect(openSecrets(sealed, options)).toEqual(document);
      }),
    );
  });

  it('a document that is read and sent back is the stored one', () => {
    fc.assert(
      fc.property(documents, (document) => {
        const stored = sealSecrets(document, options);
        const next = redactSecrets(stored, patterns);
        const destinations = ['/url', '/targets/*/port'];
        expect(keepSecrets({ next, stored, patterns, keyed, destinations })).toEqual(stored);
        expect(keepSecrets({ next, stored, patterns, destinations })).toEqual(stored);
      }),
    );
  });

  it('a secret that was sent replaces the stored one, in either order of sealing and keeping', () => {
    fc.assert(
      fc.property(documents, documents, (before, next) => {
        const stored = sealSecrets(before, options);
        const kept = keepSecrets({ next: sealSecrets(next, options), stored, patterns, keyed });
        expect(openSecrets(kept, options)).toEqual(next);
        const sealed = sealSecrets(keepSecrets({ next, stored, patterns, keyed }), options);
        expect(openSecrets(sealed, options)).toEqual(next);
      }),
    );
  });

  it('redacts a value of any type in the place of a secret', () => {
    for (const value of [7, true, { deep: 'S3cr3t!' }, ['S3cr3t!'], 'S3cr3t!']) {
      expect(redactSecrets({ 'a/b': value }, patterns)).toEqual({ 'a/b': '***' });
    }
  });

  it('refuses to seal what is not a text, and a text that only looks sealed', () => {
    const forged = `sealed:v1:0123abcd:${'A'.repeat(40)}`;
    const other = sealer.seal('x', 'endpoint/2');
    for (const value of [7, {}, ['x'], forged, other]) {
      expect(errorsOf(() => sealSecrets({ 'a/b': value }, { ...options, prefix: '/webhook' }))).toEqual([
        ['/webhook/a~1b', 'invalid-secret'],
      ]);
    }
    expect(sealSecrets({ 'a/b': '***' }, options)).toEqual({ 'a/b': '***' });
  });

  it('says which secret does not open', () => {
    const stored = { 'a/b': sealer.seal('x', 'endpoint/2') };
    expect(() => openSecrets(stored, options)).toThrow(/\/a~1b/);
    expect(() => openSecrets({ 'a/b': 'in clear' }, options)).toThrow(DomainError);
  });

  it('refuses *** where nothing is stored', () => {
    const document = { 'a/b': '***', targets: [{ name: 'x' }, { name: 'y', token: '***' }] };
    expect(errorsOf(() => refuseRedacted(document, patterns, '/webhook'))).toEqual([
      ['/webhook/a~1b', 'secret-required'],
      ['/webhook/targets/1/token', 'secret-required'],
    ]);
    refuseRedacted(redactSecrets({ url: 'x', 'a/b': '' }, patterns), patterns);
  });
});

describe('keeping secrets', () => {
  const stored = {
    url: 'https://hooks.example/1',
    http_config: { proxy_url: 'http://proxy.example', basic_auth: { username: 'u', password: 'kept' } },
    targets: [
      { name: 'a', port: 1, token: 'token-a' },
      { name: 'b', port: 2, token: 'token-b' },
    ],
    list: ['one', 'two'],
    items: [{ port: 1, token: 'first' }, { port: 2 }],
  };
  const all = [...patterns, '/list/*', '/items/*/token'];
  const keep = (next: unknown, more: Partial<KeepOptions<unknown>> = {}): unknown =>
    keepSecrets({ next, stored, patterns: all, keyed, prefix: '/webhook', ...more });
  const read = redactSecrets(stored, all);

  it('finds items of keyed arrays wherever they moved', () => {
    const next = {
      targets: [
        { name: 'c', token: 'new' },
        { name: 'b', token: '***' },
      ],
    };
    expect(keep(next)).toEqual({
      targets: [
        { name: 'c', token: 'new' },
        { name: 'b', token: 'token-b' },
      ],
    });
  });

  it('does not guess: a missing, renamed or doubled key keeps nothing', () => {
    for (const item of [{ token: '***' }, { name: null, token: '***' }, { name: 'z', token: '***' }]) {
      expect(errorsOf(() => keep({ targets: [item] }))).toEqual([
        ['/webhook/targets/0/token', 'secret-missing'],
      ]);
    }
    const doubled = { targets: [stored.targets[0], { ...stored.targets[1], name: 'a' }] };
    expect(errorsOf(() => keep({ targets: [{ name: 'a', token: '***' }] }, { stored: doubled }))).toEqual([
      ['/webhook/targets/0/token', 'secret-missing'],
    ]);
  });

  it('matches other arrays by position while nothing but secrets changes', () => {
    expect(keep({ list: ['***', 'new'] })).toEqual({ list: ['one', 'new'] });
    expect(keep({ items: [{ port: 1, token: '***' }, { port: 2 }] })).toEqual({ items: stored.items });
    expect(errorsOf(() => keep({ list: ['***'] }))).toEqual([['/webhook/list/0', 'secret-required']]);
    expect(errorsOf(() => keep({ items: [{ port: 2, token: '***' }, { port: 1 }] }))).toEqual([
      ['/webhook/items/0/token', 'secret-required'],
    ]);
    expect(keep({ items: [{ port: 9, token: 'new' }] })).toEqual({ items: [{ port: 9, token: 'new' }] });
  });

  it('names every secret that nothing is stored for', () => {
    expect(errorsOf(() => keep(read, { stored: undefined })).map(([pointer]) => pointer)).toEqual([
      '/webhook/http_config/basic_auth/password',
      '/webhook/targets/0/token',
      '/webhook/targets/1/token',
      '/webhook/list/0',
      '/webhook/list/1',
      '/webhook/items/0/token',
    ]);
    for (const nothing of [null, '', undefined]) {
      const next = { 'a/b': '***' };
      expect(errorsOf(() => keep(next, { stored: { 'a/b': nothing } }))).toEqual([
        ['/webhook/a~1b', 'secret-missing'],
      ]);
    }
    expect(errorsOf(() => keep({ 'a/b': '***' }, { stored: Object.create({ 'a/b': 'inherited' }) }))).toEqual(
      [['/webhook/a~1b', 'secret-missing']],
    );
  });

  it.each<[string, object]>([
    ['changes', { ...read, url: 'https://evil.example' }],
    ['is taken away', { ...read, url: undefined }],
    ['comes', { ...read, http_config: { ...read.http_config, no_proxy: '*' } }],
    ['is taken away below', { ...read, http_config: { basic_auth: read.http_config.basic_auth } }],
  ])('wants the secrets again when a destination %s', (_, next) => {
    const destinations = ['/url', '/http_config/proxy_url', '/http_config/no_proxy'];
    expect(errorsOf(() => keep(next, { destinations }))).toContainEqual([
      '/webhook/http_config/basic_auth/password',
      'secret-required',
    ]);
    expect(keep(read, { destinations })).toEqual(stored);
  });

  it('minds the destination of the same item only', () => {
    const destinations = ['/targets/*/port'];
    const [a, b] = read.targets;
    const next = { targets: [{ ...b, port: 9 }, a] };
    expect(errorsOf(() => keep(next, { destinations }))).toEqual([
      ['/webhook/targets/0/token', 'secret-required'],
    ]);
  });

  it('takes a secret that is a destination itself for unchanged only when it is ***', () => {
    const slack = {
      api_url: sealer.seal('https://hooks.example', context),
      token: sealer.seal('t', context),
    };
    const both = { patterns: ['/api_url', '/token'], destinations: ['/api_url'], keyed: [] };
    expect(keep({ api_url: '***', token: '***' }, { ...both, stored: slack })).toEqual(slack);
    const next = { api_url: 'https://evil.example', token: '***' };
    expect(errorsOf(() => keep(next, { ...both, stored: slack }))).toEqual([
      ['/webhook/token', 'secret-required'],
    ]);
  });

  it('answers 422 with the code that its errors agree on', () => {
    expect(() => keep({ 'a/b': '***' })).toThrow(
      expect.objectContaining({ category: 'invalid', code: 'secret-missing' }),
    );
    expect(() => keep({ 'a/b': '***', list: ['***'] })).toThrow(
      expect.objectContaining({ category: 'invalid', code: 'invalid' }),
    );
  });
});

/** `[pointer, code]` of each field error. */
function errorsOf(action: () => unknown): [string | undefined, string][] {
  try {
    action();
  } catch (error) {
    if (error instanceof DomainError) return error.errors.map(({ pointer, code }) => [pointer, code]);
    throw error;
  }
  throw new Error('It was accepted.');
}
