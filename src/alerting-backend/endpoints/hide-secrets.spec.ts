import { describe, expect, it } from 'vitest';
import { hideSecrets } from './hide-secrets.js';

const PATTERNS = ['/http_config/basic_auth/password', '/http_config/http_headers/*/secrets/*'];
const block = {
  url: 'http://127.0.0.1/alerts',
  http_config: {
    basic_auth: { username: 'me', password: 'pass "word"' },
    http_headers: { 'X-Key': { secrets: ['k3y-of-mine', 'abc'] } },
  },
};

describe('hideSecrets', () => {
  it.each([
    ['nothing of interest at /alerts', 'nothing of interest at /alerts'],
    ['key k3y-of-mine, again k3y-of-mine', 'key ***, again ***'],
    [`Basic ${Buffer.from('me:pass "word"').toString('base64')}`, 'Basic ***'],
    ['{"password":"pass \\"word\\""}', '{"password":"***"}'],
    ['?p=pass%20%22word%22', '?p=***'],
    ['cut in the middle: k3y-of-', 'cut in the middle: ***'],
    ['abc is too short to be one', 'abc is too short to be one'],
  ])('%j is shown as %j', (answer, shown) => expect(hideSecrets(answer, block, PATTERNS)).toBe(shown));
});
