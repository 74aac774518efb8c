import { ApiProperty } from '@nestjs/swagger';
import type { Condition } from '../conditions.js';

/** One observed fact, as in Kubernetes. */
export class ConditionDto implements Condition {
  /** @example Available */
  type!: string;
  @ApiProperty({ enum: ['True', 'False', 'Unknown'] })
  status!: 'True' | 'False' | 'Unknown';
  /** CamelCase, for machines. */
  reason!: string;
  /** What is so, and what to do about it. */
  message!: string;
  /** RFC 3339: since when the status is what it is. */
  lastTransitionTime!: string;
  /** The revision of the desired state that it was observed on. */
  observedGeneration!: number;
}
