import { applyDecorators } from '@nestjs/common';
import { Transform } from 'class-transformer';
import { IsBoolean, IsInt, IsOptional, IsString, Max, Min } from 'class-validator';
import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsPrometheusDuration, parsePrometheusDuration } from '../units/prometheus-duration.js';

/** A query parameter that is `true` or `false`, nothing else. */
export function IsFlag(): PropertyDecorator {
  return applyDecorators(
    IsOptional(),
    Transform(({ value }: { value: unknown }) =>
      value === 'true' ? true : value === 'false' ? false : value,
    ),
    IsBoolean({ message: 'must be true or false' }),
  );
}

/** `?wait=`: how long a write waits for its effect. */
export class WaitQueryDto {
  /** Wait at most this long for the change to take effect, e.g. `30s` (at most `10m`). */
  @ApiPropertyOptional({ type: String, example: '30s' })
  @IsOptional()
  @IsPrometheusDuration({ max: '10m' })
  wait?: string;
}

/** `?force=` of removals and of changes that something protects. */
export class ForceQueryDto {
  /** Do it although something else depends on it. */
  @ApiPropertyOptional({ type: Boolean })
  @IsFlag()
  force?: boolean;
}

/** `?dryRun=` of objects: validation only. */
export class DryRunQueryDto {
  /** Validate, answer the object as it would be, and store nothing. */
  @ApiPropertyOptional({ type: Boolean })
  @IsFlag()
  dryRun?: boolean;
}

/** `?limit=&cursor=&labelSelector=` of every list. */
export class ListQueryDto {
  /** How many items one page holds. */
  @ApiPropertyOptional({ type: 'integer', minimum: 1, maximum: 500, default: 100 })
  @IsOptional()
  @Transform(({ value }: { value: unknown }) =>
    typeof value === 'string' && /^-?\d{1,9}$/.test(value) ? Number(value) : value,
  )
  @IsInt({ message: 'must be a whole number' })
  @Min(1)
  @Max(500)
  limit: number = 100;

  /** `next` of the page before. */
  @ApiPropertyOptional({ type: String })
  @IsOptional()
  @IsString({ message: 'must be given once' })
  cursor?: string;

  /** Labels that items must have, in the syntax of Kubernetes, e.g. `team=a,tier in (x,y)`. */
  @ApiPropertyOptional({ type: String, example: 'team=a' })
  @IsOptional()
  @IsString({ message: 'must be given once' })
  labelSelector?: string;
}

/** Milliseconds of `?wait=`, `undefined` when the caller does not wait. */
export function waitMilliseconds(query: WaitQueryDto): number | undefined {
  return query.wait === undefined ? undefined : parsePrometheusDuration(query.wait);
}
