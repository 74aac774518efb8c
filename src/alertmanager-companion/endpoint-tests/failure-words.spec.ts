import { describe, expect, it } from 'vitest';
import { failureWords } from './failure-words.js';
import { ProxyError } from './upstream.js';

describe('failureWords', () => {
  it.each([
    ['ECONNREFUSED', 'refused the connection'],
    ['ENOTFOUND', 'could not be resolved'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'TLS certificate'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'TLS certificate'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'TLS certificate'],
    ['HPE_INVALID_CONSTANT', 'did not answer in HTTP'],
    ['EWHATEVER', 'EWHATEVER'],
  ])('explains %s', (code, words) => {
    const text = failureWords(Object.assign(new Error('m'), { code }), { host: 'example.org:443' });
    expect(text).toContain(words);
    expect(text).toContain('example.org:443');
  });

  it('explains a proxy', () => {
    expect(failureWords(new ProxyError('the proxy p answered 407'), { host: 'h' })).toContain('answered 407');
  });
});
