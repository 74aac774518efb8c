import { DomainError } from '../errors.js';

/** One requirement of a Kubernetes label selector, after parsing. */
export interface Requirement {
  key: string;
  operator: 'in' | 'notin' | 'exists' | 'absent';
  values: string[];
}

/** All requirements must hold. */
export type LabelSelector = Requirement[];

const NAME = '[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?';
const KEY = new RegExp(`^(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?/)?${NAME}$`);
const VALUE = new RegExp(`^(?:${NAME})?$`);
const EQUALITY = /^([^\s=!,()]+)\s*(==|=|!=)\s*([^\s=!,()]*)$/;
const SET = /^([^\s=!,()]+)\s+(in|notin)\s*\(([^()]*)\)$/;
const EXISTENCE = /^(!?)\s*([^\s=!,()]+)$/;

const MAX_LENGTH = 4096;

/**
 * Reads the label selector syntax of Kubernetes: `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b,c)`, `a`, `!a`,
 * joined by commas. An empty text selects everything.
 *
 * @throws DomainError `malformed` with parameter `labelSelector`.
 */
export function parseLabelSelector(text: string): LabelSelector {
  if (text.length > MAX_LENGTH) throw malformed(`is longer than ${MAX_LENGTH} characters`);
  if (text.trim() === '') return [];
  return splitOutsideParentheses(text).map((part) => parseRequirement(part.trim()));
}

/** Whether `labels` satisfy every requirement. As in Kubernetes, `!=` and `notin` also match objects without the key. */
export function matches(selector: LabelSelector, labels: Record<string, string>): boolean {
  return selector.every(({ key, operator, values }) => {
    const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
    switch (operator) {
      case 'in':
        return value !== undefined && values.includes(value);
      case 'notin':
        return value === undefined || !values.includes(value);
      case 'exists':
        return value !== undefined;
      case 'absent':
        return value === undefined;
    }
  });
}

function splitOutsideParentheses(text: string): string[] {
  const parts: string[] = [];
  let start = 0;
  let inside = false;
  for (let index = 0; index < text.length; index++) {
    const character = text[index];
    if (character === '(') inside = true;
    else if (character === ')') inside = false;
    else if (character === ',' && !inside) {
      parts.push(text.slice(start, index));
      start = index + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

function parseRequirement(part: string): Requirement {
  if (part === '') throw malformed('has an empty requirement; check the commas');

  const equality = EQUALITY.exec(part);
  if (equality) {
    const [, key = '', sign, value = ''] = equality;
    return requirement(key, sign === '!=' ? 'notin' : 'in', [value]);
  }
  const set = SET.exec(part);
  if (set) {
    const [, key = '', operator, values = ''] = set;
    return requirement(
      key,
      operator === 'in' ? 'in' : 'notin',
      values.split(',').map((value) => value.trim()),
    );
  }
  const existence = EXISTENCE.exec(part);
  if (existence) {
    const [, negation, key = ''] = existence;
    return requirement(key, negation === '!' ? 'absent' : 'exists', []);
  }
  throw malformed(`cannot be read at ${JSON.stringify(part.slice(0, 80))}`);
}

function requirement(key: string, operator: Requirement['operator'], values: string[]): Requirement {
  if (!KEY.test(key))
    throw malformed(`has the key ${JSON.stringify(key.slice(0, 80))}, which is no label key`);
  for (const value of values) {
    if (!VALUE.test(value)) {
      throw malformed(`has the value ${JSON.stringify(value.slice(0, 80))}, which is no label value`);
    }
  }
  return { key, operator, values };
}

function malformed(what: string): DomainError {
  const detail = `The label selector ${what}. Write requirements like "env=prod", "env!=dev", "tier in (a,b)", "tier notin (a,b)", "key" or "!key", joined by commas.`;
  return new DomainError({
    category: 'malformed',
    code: 'malformed',
    detail,
    errors: [{ parameter: 'labelSelector', code: 'label-selector', detail }],
  });
}
