import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DomainError } from '../errors.js';
import { matches, parseLabelSelector, type LabelSelector, type Requirement } from './label-selector.js';

const name = fc.stringMatching(/^[A-Za-z0-9]([A-Za-z0-9._-]{0,8}[A-Za-z0-9])?$/);
const key = fc.oneof(
  name,
  fc.tuple(fc.stringMatching(/^[a-z0-9]([a-z0-9.-]{0,8}[a-z0-9])?$/), name).map((parts) => parts.join('/')),
);
const value = fc.oneof(fc.constant(''), name);
const values = fc.array(value, { minLength: 1, maxLength: 4 });
const requirement: fc.Arbitrary<Requirement> = fc.oneof(
  fc.record({ key, operator: fc.constantFrom('in' as const, 'notin' as const), values }),
  fc.record({
    key,
    operator: fc.constantFrom('exists' as const, 'absent' as const),
    values: fc.constant<string[]>([]),
  }),
);
const selector = fc.array(requirement, { maxLength: 5 });

function format(requirements: LabelSelector): string {
  return requirements
    .map((one) => {
      if (one.operator === 'exists') return one.key;
      return one.operator === 'absent'
        ? `!${one.key}`
        : `${one.key} ${one.operator} (${one.values.join(',')})`;
    })
    .join(',');
}

describe('parseLabelSelector', () => {
  it.each([
    ['', []],
    ['  ', []],
    ['a=b', [{ key: 'a', operator: 'in', values: ['b'] }]],
    ['a==b', [{ key: 'a', operator: 'in', values: ['b'] }]],
    ['a=', [{ key: 'a', operator: 'in', values: [''] }]],
    ['a != b', [{ key: 'a', operator: 'notin', values: ['b'] }]],
    [
      'a in (b, c),!d',
      [
        { key: 'a', operator: 'in', values: ['b', 'c'] },
        { key: 'd', operator: 'absent', values: [] },
      ],
    ],
    ['x.io/a notin (b)', [{ key: 'x.io/a', operator: 'notin', values: ['b'] }]],
    [
      'in,notin',
      [
        { key: 'in', operator: 'exists', values: [] },
        { key: 'notin', operator: 'exists', values: [] },
      ],
    ],
  ])('reads %j', (text, expected) => {
    expect(parseLabelSelector(text)).toEqual(expected);
  });

  it.each([
    ',',
    'a,',
    'a=b=c',
    'a in b',
    'a in (b',
    'a in b)',
    'a in ((b))',
    '=b',
    '!',
    '!!a',
    'a b',
    '-a',
    'a=-b',
    'a/b/c',
    'A/b',
    'a in (b) c',
    'ä=b',
    "a=';--",
    'a\0=b',
    `${'a'.repeat(64)}=b`,
    'a,'.repeat(3000),
  ])('refuses %j and names the parameter', (text) => {
    expect(() => parseLabelSelector(text)).toThrow(
      expect.objectContaining({
        category: 'malformed',
        errors: [expect.objectContaining({ parameter: 'labelSelector' })],
      }),
    );
  });

  it('reads back every requirement it can be written', () => {
    fc.assert(
      fc.property(selector, (requirements) => {
        expect(parseLabelSelector(format(requirements))).toEqual(requirements);
      }),
    );
  });

  it('answers or throws a DomainError for any text, quickly', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[a-c=!,() in]{0,40}$/)),
        (text) => {
          try {
            parseLabelSelector(text);
          } catch (error) {
            expect(error).toBeInstanceOf(DomainError);
          }
        },
      ),
    );
  });
});

describe('matches', () => {
  const labels = fc.dictionary(key, value, { maxKeys: 4 });

  it('holds when every requirement holds alone', () => {
    fc.assert(
      fc.property(selector, labels, (requirements, set) => {
        expect(matches(requirements, set)).toBe(requirements.every((one) => matches([one], set)));
      }),
    );
  });

  it('makes notin the opposite of in, and absent the opposite of exists', () => {
    fc.assert(
      fc.property(key, values, labels, (label, list, set) => {
        const holds = (operator: Requirement['operator']) =>
          matches([{ key: label, operator, values: list }], set);
        expect(holds('notin')).toBe(!holds('in'));
        expect(holds('absent')).toBe(!holds('exists'));
      }),
    );
  });

  it('finds an object by its own labels and never through the prototype', () => {
    fc.assert(
      fc.property(labels, (set) => {
        const own = Object.entries(set).map(([label, text]) => ({
          key: label,
          operator: 'in' as const,
          values: [text],
        }));
        expect(matches(own, set)).toBe(true);
      }),
    );
    expect(matches(parseLabelSelector('constructor'), {})).toBe(false);
    expect(matches(parseLabelSelector('!toString'), {})).toBe(true);
  });
});
