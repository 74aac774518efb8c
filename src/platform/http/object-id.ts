import { Param } from '@nestjs/common';
import { ApiParam } from '@nestjs/swagger';
import { DomainError } from '../errors.js';

/** Ids of objects, in paths and documents alike. */
export const OBJECT_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
export const OBJECT_ID_RULE =
  'must start with a letter or a digit, and hold at most 63 letters, digits, ".", "_" and "-"';

/** @throws DomainError `malformed-id` */
export function checkObjectId(id: string, parameter = 'id'): string {
  if (OBJECT_ID.test(id)) return id;
  throw new DomainError({
    category: 'malformed',
    code: 'malformed-id',
    detail: `The ${parameter} in the path is not an id: it ${OBJECT_ID_RULE}.`,
    errors: [{ parameter, code: 'pattern', detail: OBJECT_ID_RULE }],
  });
}

/** `@ObjectId() id: string` (of the path segment `:id`), or `@ObjectId('name')`. */
export function ObjectId(parameter = 'id'): ParameterDecorator {
  const pipe = { transform: (value: string): string => checkObjectId(value, parameter) };
  return (target, method, index) => {
    Param(parameter, pipe)(target, method, index);
    const descriptor = method === undefined ? undefined : Object.getOwnPropertyDescriptor(target, method);
    if (method === undefined || !descriptor) return;
    ApiParam({ name: parameter, schema: { type: 'string', pattern: OBJECT_ID.source } })(
      target,
      method,
      descriptor,
    );
  };
}
