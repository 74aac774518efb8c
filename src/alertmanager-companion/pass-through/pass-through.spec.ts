import { describe, expect, it } from 'vitest';
import { isPassedOn } from './pass-through.js';

describe('isPassedOn', () => {
  it.each(['/metrics', '/api/v2/alerts', '/api/v2/silence/abc-def', '/api/v2/silence/a%20b'])(
    'takes %s',
    (path) => expect(isPassedOn(path)).toBe(true),
  );

  it.each([
    '/',
    '/-/reload',
    '/metrics/',
    '/api/v1/alerts',
    '/api/v2',
    '/api/v2/../../-/reload',
    '/api/v2/%2e%2e/%2e%2e/-/reload',
    '/api/v2/..%2f..%2f-/reload',
    '/api/v2//-/reload',
    '/api/v2/..\\-',
    '/api/v2/%5c',
    '/api/v2/%',
    'http://elsewhere/api/v2/alerts',
  ])('refuses %s', (path) => expect(isPassedOn(path)).toBe(false));
});
