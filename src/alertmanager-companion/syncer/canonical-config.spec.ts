import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { EMBEDDED_RECEIVER, EMBEDDED_URL_PLACEHOLDER } from '../companion-api.js';
import {
  parseCanonicalConfig,
  renderAlertmanagerConfig,
  renderDefaultConfig,
  toYaml,
} from './canonical-config.js';

const own = {
  url: 'https://127.0.0.1:9443/v1/webhook',
  tls: { certificateFile: '/t/tls.crt', keyFile: '/t/tls.key', caFile: '/t/ca.crt' },
};

describe('parseCanonicalConfig', () => {
  it.each([
    ['{"receivers":[null]}', '/receivers/0'],
    ['{"route":{"routes":[{"receiver":"a"},null]}}', '/route/routes/1'],
    ['{"receivers":[{"webhook_configs":[null]}]}', '/receivers/0/webhook_configs/0'],
    ['{"global":null}', '/global'],
    ['{"a":"\\ud800"}', '/a'],
    ['{"a":{"\\udc00":1}}', '/a'],
    ['[]', 'object'],
    ['5', 'object'],
  ])('refuses %s and names the place', (text, words) => {
    expect(() => parseCanonicalConfig(Buffer.from(text))).toThrow(words);
  });

  it('does not quote what it refuses', () => {
    expect(() => parseCanonicalConfig(Buffer.from('{"password":"hunter2'))).toThrow(/^(?!.*hunter2).*$/);
  });
});

describe('renderAlertmanagerConfig', () => {
  const canonical = {
    receivers: [
      { name: EMBEDDED_RECEIVER, webhook_configs: [{ url: EMBEDDED_URL_PLACEHOLDER, max_alerts: 7 }] },
      { name: 'other', webhook_configs: [{ url: EMBEDDED_URL_PLACEHOLDER }] },
    ],
  };

  it('fills the placeholder of the embedded receiver and nothing else', () => {
    expect(parse(renderAlertmanagerConfig(canonical, own))).toEqual({
      receivers: [
        {
          name: EMBEDDED_RECEIVER,
          webhook_configs: [
            {
              url: own.url,
              max_alerts: 7,
              http_config: {
                tls_config: { cert_file: '/t/tls.crt', key_file: '/t/tls.key', ca_file: '/t/ca.crt' },
              },
            },
          ],
        },
        canonical.receivers[1],
      ],
    });
  });

  it('leaves its input alone and gives the same bytes each time', () => {
    const before = structuredClone(canonical);
    expect(renderAlertmanagerConfig(canonical, own)).toBe(renderAlertmanagerConfig(canonical, own));
    expect(canonical).toEqual(before);
  });

  it('has a default that delivers to the embedded server', () => {
    expect(renderDefaultConfig(own)).toContain(own.url);
    expect(renderDefaultConfig(own)).not.toContain(EMBEDDED_URL_PLACEHOLDER);
  });
});

describe('toYaml', () => {
  it('gives YAML that means the same, with nothing raw that YAML forbids', () => {
    const unit = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        '\u007f',
        '\u0080',
        '\u0085',
        '\u2028',
        '\u2029',
        '\ufeff',
        '\ufffe',
        '\uffff',
        '\t',
        '\n',
      ),
    );
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 5 }), (parts) => {
        const value = { [`k${parts.join('')}`]: parts.join('') };
        const text = toYaml(value);
        expect(text).not.toMatch(/[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/);
        expect(JSON.parse(text)).toEqual(value);
      }),
    );
  });
});
