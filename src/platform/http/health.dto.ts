import { ApiProperty, getSchemaPath, ApiExtraModels } from '@nestjs/swagger';

export class HealthDto {
  @ApiProperty({ enum: ['ok'], type: String })
  status!: 'ok';
}

export class ReadinessStateDto {
  @ApiProperty({ enum: ['ok', 'unknown', 'failed'], type: String })
  state!: 'ok' | 'unknown' | 'failed';
  @ApiProperty({ type: String, required: false })
  message?: string;
}

const states = { type: 'object', additionalProperties: { $ref: getSchemaPath(ReadinessStateDto) } } as const;

@ApiExtraModels(ReadinessStateDto)
export class ReadinessDto {
  @ApiProperty({ type: Boolean })
  ready!: boolean;
  /** None may be `failed`. */
  @ApiProperty(states)
  checks!: Record<string, ReadinessStateDto>;
  /** States of what the service runs; they never decide. */
  @ApiProperty(states)
  components!: Record<string, ReadinessStateDto>;
}
