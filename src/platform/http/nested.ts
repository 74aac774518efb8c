import { applyDecorators } from '@nestjs/common';
import { Type } from 'class-transformer';
import { ArrayMaxSize, IsArray, IsObject, ValidateNested } from 'class-validator';

/** A member that is one object of a DTO class. Says all three things that class-validator needs to refuse anything else. */
export function Nested(type: () => new () => object): PropertyDecorator {
  return applyDecorators(IsObject({ message: 'must be an object' }), ValidateNested(), Type(type));
}

/** A member that is a list of objects of a DTO class. */
export function NestedList(type: () => new () => object, maxItems = 1000): PropertyDecorator {
  return applyDecorators(
    IsArray({ message: 'must be a list' }),
    ArrayMaxSize(maxItems),
    ValidateNested({ each: true, message: 'must be an object' }),
    Type(type),
  );
}
