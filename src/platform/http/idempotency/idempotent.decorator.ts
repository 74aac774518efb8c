import { applyDecorators } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import { setRouteOptions, type IdempotentOptions } from '../route-options.js';

/**
 * For POST that creates: the header `Idempotency-Key` makes it safe to repeat. The handler creates in one transaction,
 * with `expected: 'absent'`, and the kind that it creates is one of `PublicKinds`.
 */
export function Idempotent(options: Partial<IdempotentOptions> = {}): MethodDecorator {
  return applyDecorators(
    setRouteOptions({ idempotent: { status: 201, secretMembers: [], ...options } }),
    ApiHeader({
      name: 'Idempotency-Key',
      required: false,
      description:
        'The same answer for 24 hours to the same request with the same key: repeat it safely when the answer was lost.',
      schema: { type: 'string', minLength: 1, maxLength: 255 },
    }),
  );
}
