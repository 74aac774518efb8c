import {
  getFromContainer,
  getMetadataStorage,
  type ValidationError,
  type ValidatorConstraintInterface,
} from 'class-validator';
import type { FieldError } from '../errors.js';
import { nearest } from '../nearest.js';

/** A wrong field with its place still in parts; `pointerOf(path)` makes it a pointer. */
export interface Finding {
  path: (string | number)[];
  code: string;
  detail: string;
}

const CODES: Record<string, string> = {
  whitelistValidation: 'unknown-field',
  isDefined: 'required',
  isNotEmpty: 'empty',
  isIn: 'not-allowed',
  isEnum: 'not-allowed',
  matches: 'pattern',
  min: 'out-of-range',
  max: 'out-of-range',
  minLength: 'out-of-range',
  maxLength: 'out-of-range',
  isLength: 'out-of-range',
  arrayMinSize: 'out-of-range',
  arrayMaxSize: 'out-of-range',
  isString: 'type',
  isInt: 'type',
  isNumber: 'type',
  isBoolean: 'type',
  isObject: 'type',
  isArray: 'type',
  nestedValidation: 'type',
  unknownValue: 'type',
};

/** `isPrometheusDuration` → `prometheus-duration`. */
function codeOf(constraint: string): string {
  return (
    CODES[constraint] ??
    constraint
      .replace(/^is(?=[A-Z])/, '')
      .replaceAll(/[A-Z]/g, (letter, index: number) => (index ? '-' : '') + letter.toLowerCase())
  );
}

type Metadata = ReturnType<ReturnType<typeof getMetadataStorage>['getTargetValidationMetadatas']>[number];

function metadataOf(target: object | undefined, property: string): Metadata[] {
  if (!target || Array.isArray(target)) return [];
  return getMetadataStorage()
    .getTargetValidationMetadatas(target.constructor, '', false, false)
    .filter((metadata) => metadata.propertyName === property);
}

/** Flattens what class-validator found; wrong items of a list are named by their index. */
export function findingsOf(errors: ValidationError[], path: (string | number)[] = []): Finding[] {
  return errors.flatMap((error) => {
    const own = error.property === undefined ? path : [...path, error.property];
    const findings = ownFindings(error, own);
    // What stands inside a value of the wrong type says nothing.
    const inside = findings.some(({ code, path: place }) => code === 'type' && place === own)
      ? []
      : (error.children ?? []);
    return [...findings, ...findingsOf(inside, own)];
  });
}

function ownFindings(error: ValidationError, path: (string | number)[]): Finding[] {
  const constraints = Object.entries(error.constraints ?? {});
  if (constraints.length === 0) return [];
  if (constraints.some(([name]) => name === 'whitelistValidation')) return [unknownField(error, path)];
  if (error.value === undefined && error.property !== undefined) {
    return [{ path, code: 'required', detail: 'is required' }];
  }
  // A value of the wrong type fails everything else too; saying that once is enough.
  const types = constraints.filter(([name]) => codeOf(name) === 'type');
  const telling = types.length > 0 && !Array.isArray(error.value) ? types.slice(0, 1) : constraints;
  return telling.flatMap(([name, message]) => itemFindings(error, path, name, message));
}

function unknownField(error: ValidationError, path: (string | number)[]): Finding {
  const known = error.target
    ? getMetadataStorage()
        .getTargetValidationMetadatas(error.target.constructor, '', false, false)
        .map((metadata) => metadata.propertyName)
    : [];
  const meant = nearest(error.property, new Set(known));
  return {
    path,
    code: 'unknown-field',
    detail: `is not a known field${meant ? `; did you mean "${meant}"?` : ''}`,
  };
}

/** `each` constraints say nothing about which item is wrong: every item is asked again. */
function itemFindings(
  error: ValidationError,
  path: (string | number)[],
  name: string,
  message: string,
): Finding[] {
  const whole = { path, code: codeOf(name), detail: textOf(message, error.property) };
  const each = metadataOf(error.target, error.property).find(
    (metadata) => metadata.each && metadata.name === name,
  );
  if (!each || !Array.isArray(error.value)) return [whole];
  const constraint = getFromContainer(each.constraintCls as new () => ValidatorConstraintInterface);
  const wrong = error.value.flatMap((item: unknown, index): Finding[] => {
    const holds = constraint.validate(item, {
      value: item,
      constraints: each.constraints,
      targetName: error.target?.constructor.name ?? '',
      object: error.target ?? {},
      property: error.property,
    });
    return holds === true ? [] : [{ ...whole, path: [...path, index] }];
  });
  return wrong.length > 0 ? wrong : [whole];
}

/** class-validator starts its sentences with the property; the pointer says that already. */
function textOf(message: string, property: string): string {
  const text = message.replace(/^each value in /, '').replace(/^nested property /, '');
  return text.startsWith(`${property} `) ? text.slice(property.length + 1) : text;
}

export function bodyErrors(
  findings: Finding[],
  pointerOf: (path: (string | number)[]) => string,
): FieldError[] {
  return findings.slice(0, 100).map(({ path, code, detail }) => ({ pointer: pointerOf(path), code, detail }));
}

export function parameterErrors(findings: Finding[]): FieldError[] {
  return findings.slice(0, 100).map(({ path, code, detail }) => ({
    parameter: String(path[0] ?? ''),
    code: code === 'unknown-field' ? 'unknown-parameter' : code,
    detail: detail.replace('known field', 'known parameter'),
  }));
}
