import { ApiProperty } from '@nestjs/swagger';
import type { OperationPhase } from './operation.js';

const PHASES = ['pending', 'running', 'succeeded', 'failed', 'cancelled'];

export class OperationStepDto {
  /** @example start-members */
  name!: string;
  @ApiProperty({ enum: PHASES })
  phase!: OperationPhase;
  /** What it is doing, or what went wrong. */
  message!: string;
  /** RFC 3339. */
  startedAt!: string | null;
  finishedAt!: string | null;
}

export class OperationLogLineDto {
  /** RFC 3339. */
  time!: string;
  /** @example start-members: starting controller-0 */
  message!: string;
}

export class OperationErrorDto {
  /** Stable, kebab-case. */
  code!: string;
  detail!: string;
}

/** Long work. */
export class OperationDto {
  id!: string;
  /** @example alerting.install */
  kind!: string;
  /** What it works on. @example /api/v1/alerting/installation */
  target!: string;
  @ApiProperty({ enum: PHASES })
  phase!: OperationPhase;
  steps!: OperationStepDto[];
  /** 0-1: share of the steps that ended. */
  progress!: number;
  error!: OperationErrorDto | null;
  /** What happened: the newest 100 lines, oldest first. */
  log!: OperationLogLineDto[];
  revision!: number;
  /** RFC 3339. */
  createdAt!: string;
  finishedAt!: string | null;
}

export class OperationListDto {
  items!: OperationDto[];
  next!: string | null;
}
