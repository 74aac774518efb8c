import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayUnique,
  IsIn,
  IsOptional,
  IsString,
  Matches,
  MaxLength,
  MinLength,
} from 'class-validator';
import { NestedList } from '../../platform/http/nested.js';
import { OBJECT_ID, OBJECT_ID_RULE } from '../../platform/http/object-id.js';
import { ListQueryDto } from '../../platform/http/query.dto.js';
import { GOLDEN_SIGNALS, SEVERITIES, type GoldenSignal, type Severity } from '../endpoints/endpoint.js';
import { IsAlertLabels } from '../routing/alert-labels.js';
import { IsTimestamp } from './timestamp.validator.js';

export class EndpointReferenceDto {
  /** Id of an endpoint. */
  @IsString()
  @Matches(OBJECT_ID, { message: OBJECT_ID_RULE })
  id!: string;
}

/** A message for people. */
export class NotificationInputDto {
  /** @example Disk almost full */
  @IsString()
  @MinLength(1)
  @MaxLength(256)
  title!: string;

  /** @example /var on node-3 is at 97 %. */
  @IsString()
  @MinLength(1)
  @MaxLength(16_384)
  body!: string;

  @IsOptional()
  @IsIn(SEVERITIES)
  @ApiPropertyOptional({ enum: SEVERITIES, default: 'info', example: 'critical' })
  severity: Severity = 'info';

  @IsOptional()
  @IsIn(GOLDEN_SIGNALS)
  @ApiPropertyOptional({ enum: GOLDEN_SIGNALS, default: 'custom' })
  goldenSignal: GoldenSignal = 'custom';

  /** Labels of the alert; names that start with `opni_` are ours. */
  @IsOptional()
  @IsAlertLabels()
  @ApiPropertyOptional({ type: 'object', additionalProperties: { type: 'string' }, default: {} })
  labels: Record<string, string> = {};

  /** Where to deliver; empty: to every endpoint that takes part in broadcasts of this severity. */
  @IsOptional()
  @NestedList(() => EndpointReferenceDto, 100)
  @ArrayUnique((endpoint: EndpointReferenceDto) => endpoint.id, { message: 'must name each endpoint once' })
  endpoints: EndpointReferenceDto[] = [];
}

export class NotificationDeliveryDto {
  /** The member whose embedded server has it. */
  member!: string;
  /** RFC 3339. */
  receivedAt!: string;
}

export class NotificationStatusDto {
  /** `posting` until an embedded server has it, `active` while receivers may still get it, then `done`. */
  @ApiProperty({ enum: ['posting', 'active', 'done'] })
  phase!: 'posting' | 'active' | 'done';
  /** RFC 3339: until when Alertmanager goes on trying; null while it is being posted. */
  activeUntil!: string | null;
}

/** A notification as it is read. */
export class NotificationDto extends NotificationInputDto {
  id!: string;
  /** RFC 3339. */
  createdAt!: string;
  /** How many endpoints it goes to: the named ones, or those that had opted in for its severity when it was pushed. */
  @ApiProperty({ type: 'integer', minimum: 0 })
  recipients!: number;
  deliveries!: NotificationDeliveryDto[];
  status!: NotificationStatusDto;
}

export class NotificationListDto {
  items!: NotificationDto[];
  next!: string | null;
}

const commaList = ({ value }: { value: unknown }): unknown =>
  typeof value === 'string'
    ? value.split(',')
    : Array.isArray(value)
      ? (value as unknown[]).flatMap((item) => String(item).split(','))
      : value;

export class NotificationQueryDto extends ListQueryDto {
  /** Only these, comma-separated. */
  @ApiPropertyOptional({ type: String, example: 'critical,error' })
  @IsOptional()
  @Transform(commaList)
  @ArrayMaxSize(SEVERITIES.length)
  @IsIn(SEVERITIES, { each: true })
  severity?: Severity[];

  /** Only these, comma-separated. */
  @ApiPropertyOptional({ type: String, example: 'latency' })
  @IsOptional()
  @Transform(commaList)
  @ArrayMaxSize(GOLDEN_SIGNALS.length)
  @IsIn(GOLDEN_SIGNALS, { each: true })
  goldenSignal?: GoldenSignal[];

  /** RFC 3339: created at this time or later. */
  @ApiPropertyOptional({ type: String, format: 'date-time' })
  @IsOptional()
  @IsTimestamp()
  from?: string;

  /** RFC 3339: created before this time. */
  @ApiPropertyOptional({ type: String, format: 'date-time' })
  @IsOptional()
  @IsTimestamp()
  to?: string;
}
