import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redactSecrets, sealSecrets } from '../secrets/secret-fields.js';
import { KeyFileSealer } from '../secrets/key-file-sealer.js';
import { clearDocument, redactPair, resolveSecrets, secretRules } from './document-secrets.js';
import { diffDocuments } from './json-diff.js';

const RULES = secretRules([
  { patterns: ['/store/key'], destinations: ['/store/url'] },
  {
    patterns: ['/items/*/token'],
    destinations: ['/items/*/url'],
    keyed: [{ pattern: '/items/*', key: 'id' }],
  },
  { patterns: ['/headers/*'] },
]);
const CONTEXT = 'toy';
const sealer = new KeyFileSealer([{ id: '01234567', secret: Buffer.alloc(32, 7) }], 'a test');
const seal = (document: unknown): unknown =>
  sealSecrets(document, { patterns: RULES.patterns, sealer, context: CONTEXT });
const open = (document: unknown): unknown => clearDocument(document, RULES, sealer, CONTEXT);

const secret = fc.nat(5).map((n) => `planted-${n}`);
const documents = fc.record({
  plain: fc.nat(2),
  store: fc.record({ url: fc.constantFrom('u1', 'u2'), key: fc.option(secret, { nil: '' }) }),
  items: fc.uniqueArray(fc.record({ id: fc.nat(3), url: fc.constantFrom('u1', 'u2'), token: secret }), {
    selector: ({ id }) => id,
    maxLength: 3,
  }),
  headers: fc.dictionary(fc.constantFrom('a', 'b'), secret, { noNullPrototype: true }),
});

describe('the secrets of a document', () => {
  it('are in no answer: neither the document nor a difference', () => {
    fc.assert(
      fc.property(documents, documents, (one, two) => {
        expect(JSON.stringify(redactSecrets(seal(one), RULES.patterns))).not.toMatch(/planted|sealed/);
        const [from, to] = redactPair(one, two, RULES);
        const diff = diffDocuments(from as object, to as object);
        expect(JSON.stringify(diff)).not.toMatch(/planted|before/);
        if (JSON.stringify(one) !== JSON.stringify(two)) expect(diff).not.toEqual([]);
      }),
    );
  });

  it('stay when what was read is sent back', () => {
    fc.assert(
      fc.property(documents, (one) => {
        const stored = seal(one);
        const next = redactSecrets(stored, RULES.patterns);
        const { document, errors } = resolveSecrets({ next, stored, sources: [stored] }, RULES);
        expect(errors).toEqual([]);
        expect(document).toEqual(stored);
        expect(open(document)).toEqual(one);
      }),
    );
  });

  it('never get to another destination without being sent again', () => {
    fc.assert(
      fc.property(documents, documents, fc.boolean(), (one, two, redacted) => {
        const stored = seal(one) as typeof one;
        const key = redacted ? '***' : stored.store.key;
        const next = { ...two, headers: {}, items: [], store: { url: two.store.url, key } };
        const { errors } = resolveSecrets({ next, stored, sources: [stored] }, RULES);
        const expected =
          one.store.key === ''
            ? redacted
              ? ['secret-missing']
              : []
            : one.store.url === two.store.url
              ? []
              : ['secret-required'];
        expect(errors.map(({ code }) => code)).toEqual(expected);
      }),
    );
  });

  it('may be taken over from any of the sources, whole', () => {
    const stored = seal({ store: { url: 'u1', key: 'one' } });
    const other = seal({ store: { url: 'u2', key: 'two' } }) as { store: object };
    expect(resolveSecrets({ next: other, stored, sources: [stored, other] }, RULES).errors).toEqual([]);
    const mixed = { store: { ...other.store, url: 'u1' } };
    expect(resolveSecrets({ next: mixed, stored, sources: [stored, other] }, RULES).errors).toHaveLength(1);
  });
});
