import { describe, expect, it } from 'vitest';
import { hostOf, isLoopbackHost } from './loopback.js';

describe('isLoopbackHost', () => {
  it.each(['localhost', 'LocalHost', 'a.localhost', '127.0.0.1', '127.255.255.255', '::1', '[::1]'])(
    '%s is',
    (host) => {
      expect(isLoopbackHost(host)).toBe(true);
    },
  );

  it.each([
    '',
    '0.0.0.0',
    '128.0.0.1',
    '127.0.0.1.example',
    '127.1',
    'localhost.example',
    'xlocalhost',
    '::',
    '[::ffff:127.0.0.1]',
    '127.0.0.256',
  ])('%j is not', (host) => {
    expect(isLoopbackHost(host)).toBe(false);
  });
});

describe('hostOf', () => {
  it.each([
    ['localhost:80', 'localhost'],
    ['[::1]:80', '[::1]'],
    ['127.0.0.1', '127.0.0.1'],
    ['user@localhost', undefined],
    ['localhost:80:80', undefined],
    ['localhost/evil', undefined],
    ['', undefined],
  ])('%j: %s', (authority, host) => {
    expect(hostOf(authority)).toBe(host);
  });
});
