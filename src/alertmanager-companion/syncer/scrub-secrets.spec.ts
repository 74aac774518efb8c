import { describe, expect, it } from 'vitest';
import { SecretScrubber } from './scrub-secrets.js';

const scrubber = SecretScrubber.of({
  global: { smtp_auth_password: 'correct horse' },
  receivers: [
    {
      name: 'team-pager',
      webhook_configs: [
        {
          url: 'https://user:pa%20ss@example.org/hook/T0KEN?key=abcdef',
          http_config: { basic_auth: { password: 'a"b\\c' } },
        },
      ],
    },
  ],
});

describe('SecretScrubber', () => {
  it.each([
    ['bad password "correct horse"', 'bad password "***"'],
    ['Post "https://user:pa%20ss@example.org/hook/T0KEN?key=abcdef": refused', 'Post "***": refused'],
    ['404 for /hook/T0KEN', '404 for ***'],
    ['quoted "a\\"b\\\\c"', 'quoted "***"'],
    ['cannot unmarshal !!str `correct...` into int', 'cannot unmarshal !!str `***` into int'],
    ['undefined receiver "team-pager" used in route', 'undefined receiver "team-pager" used in route'],
  ])('cleans %s', (message, clean) => expect(scrubber.scrub(message)).toBe(clean));

  it('survives a configuration of the wrong shape', () => {
    expect(SecretScrubber.of({ receivers: 'nonsense' }).scrub('nonsense here')).toBe('*** here');
  });
});
