import { describe, expect, it } from 'vitest';
import { parseJson, visit } from './parse-json.js';

describe('parseJson', () => {
  it('reads what JSON allows', () => {
    expect(parseJson(Buffer.from('{"a":[1,"ü"]}'))).toEqual({ a: [1, 'ü'] });
  });

  it.each([
    ['invalid UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'UTF-8'],
    ['a byte order mark', Buffer.from('\ufeff{}'), 'JSON'],
    ['no JSON', Buffer.from('{password:"hunter22"}'), 'JSON'],
    ['nothing', Buffer.alloc(0), 'JSON'],
    ['great depth', Buffer.from('['.repeat(300) + ']'.repeat(300)), 'deep'],
    ['absurd depth', Buffer.from('['.repeat(1_000_000) + ']'.repeat(1_000_000)), 'deep'],
  ])('refuses %s without quoting it', (_name, bytes, words) => {
    expect(() => parseJson(bytes)).toThrow(words);
    expect(() => parseJson(bytes)).not.toThrow('hunter22');
  });

  it('keeps __proto__ a plain member', () => {
    const value = parseJson(Buffer.from('{"__proto__":{"polluted":true}}'));
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(JSON.stringify(value)).toContain('__proto__');
  });
});

describe('visit', () => {
  it('tells the pointer of each value', () => {
    const seen: string[] = [];
    visit({ 'a/b': [{ '~': 1 }] }, (_value, pointer) => seen.push(pointer()));
    expect(seen).toEqual(['', '/a~1b', '/a~1b/0', '/a~1b/0/~0']);
  });
});
