import type { ArgumentMetadata, PipeTransform } from '@nestjs/common';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { DomainError, invalid, type FieldError } from '../errors.js';
import { pointerOf } from './json-pointer.js';
import { FORBIDDEN_NAMES } from './strict-json.js';
import { bodyErrors, findingsOf, parameterErrors, type Finding } from './validation-errors.js';

const BUILT_IN: readonly unknown[] = [String, Boolean, Number, Array, Object, Buffer, undefined];
/** Codes of a query parameter that cannot even be read: `400`, not `422`. */
const UNREADABLE = new Set(['type', 'unknown-field', 'prometheus-duration']);

/**
 * Turns a plain document into an instance of a DTO class and validates it; unknown members are refused.
 * @throws DomainError `invalid` with a pointer to each wrong field
 */
export function toDto<T extends object>(type: new () => T, plain: unknown): T {
  const [instance, findings] = examine(type, plain);
  if (findings.length === 0) return instance;
  throw invalid(
    'The body is not valid. Correct the fields named in errors.',
    bodyErrors(findings, pointerOf),
  );
}

/** What `toDto` would refuse, without refusing it: for documents that are checked for more than their form. */
export function dtoErrors(type: new () => object, plain: unknown): FieldError[] {
  return bodyErrors(examine(type, plain)[1], pointerOf);
}

function examine<T extends object>(type: new () => T, plain: unknown): [T, Finding[]] {
  if (typeof plain !== 'object' || plain === null || Array.isArray(plain)) {
    return [new type(), [{ path: [], code: 'type', detail: 'must be an object' }]];
  }
  const instance = plainToInstance(type, plain);
  return [instance, findingsOf(validateSync(instance, { whitelist: true, forbidNonWhitelisted: true }))];
}

/** The one global pipe: bodies and queries whose parameter type is a DTO class. */
export class DtoPipe implements PipeTransform {
  transform(value: unknown, { type, metatype }: ArgumentMetadata): unknown {
    if ((type !== 'body' && type !== 'query') || BUILT_IN.includes(metatype)) return value;
    const dto = metatype as new () => object;
    if (type === 'query') return this.query(dto, value);
    if (value === undefined) {
      throw new DomainError({
        category: 'malformed',
        code: 'body-required',
        detail: 'The request has no body. Send a JSON object with Content-Type: application/json.',
      });
    }
    return toDto(dto, value);
  }

  private query(dto: new () => object, value: unknown): object {
    const [instance, found] = examine(dto, { ...(value as object) });
    const forbidden = Object.keys(value as object).filter((name) => FORBIDDEN_NAMES.has(name));
    const unknown = forbidden.map((name) => ({
      path: [name],
      code: 'unknown-field',
      detail: 'is not a known field',
    }));
    const findings = [...found, ...unknown];
    if (findings.length === 0) return instance;
    const unreadable = findings.some(({ code }) => UNREADABLE.has(code));
    throw new DomainError({
      category: unreadable ? 'malformed' : 'invalid',
      code: 'invalid-parameter',
      detail: 'The query is not valid. Correct the parameters named in errors.',
      errors: parameterErrors(findings),
    });
  }
}
