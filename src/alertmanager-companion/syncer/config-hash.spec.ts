import { describe, expect, it } from 'vitest';
import { alertmanagerHashOf, metricValue, sha256Of } from './config-hash.js';

describe('hashes', () => {
  it('takes six bytes of the MD5, little-endian', () => {
    // md5("") = d41d8cd98f00b204…
    expect(alertmanagerHashOf(Buffer.alloc(0))).toBe(0x008fd98c1dd4);
    expect(sha256Of(Buffer.alloc(0))).toMatch(/^e3b0c442/);
  });
});

describe('metricValue', () => {
  const text =
    '# TYPE alertmanager_config_hash gauge\nalertmanager_config_hash 2.57573823370696e+14\nother{a="b"} 1\n';

  it('reads numbers as Go prints them', () => {
    expect(metricValue(text, 'alertmanager_config_hash')).toBe(257_573_823_370_696);
  });

  it('is null for what is not there', () => expect(metricValue(text, 'missing')).toBeNull());
});
