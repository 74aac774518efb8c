import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional } from 'class-validator';
import { ConditionDto } from '../../platform/http/condition.dto.js';

const BACKENDS = ['alerting'];

export class DriverDto {
  /** @example local */
  name!: string;
  description!: string;
  /** Whether configuration picked it. */
  selected!: boolean;
  /** Backends that it can run. */
  backends!: string[];
  /** Preconditions; only of the selected one. */
  conditions!: ConditionDto[];
}

export class DriverListDto {
  items!: DriverDto[];
  next!: string | null;
}

export class DriverWorkloadDto {
  name!: string;
  /** `Process`, or a kind of Kubernetes. */
  kind!: string;
  desired!: number;
  ready!: number;
  reason!: string;
  message!: string | null;
  pid!: number | null;
  restarts!: number;
  /** RFC 3339. */
  startedAt!: string | null;
}

export class DriverWorkloadListDto {
  items!: DriverWorkloadDto[];
  next!: string | null;
}

export class ManifestQueryDto {
  /** Of this backend only. */
  @ApiPropertyOptional({ enum: BACKENDS })
  @IsOptional()
  @IsIn(BACKENDS)
  backend?: string;
}

export class ManifestListDto {
  /** Processes, or objects of Kubernetes. */
  @ApiProperty({ type: 'array', items: { type: 'object', additionalProperties: true } })
  items!: object[];
  next!: string | null;
}
