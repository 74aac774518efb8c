import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import {
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsIn,
  IsOptional,
  IsString,
  MaxLength,
  MinLength,
} from 'class-validator';
import { ConditionDto } from '../../platform/http/condition.dto.js';
import { IsLabels } from '../../platform/http/labels.js';
import { Nested } from '../../platform/http/nested.js';
import { SEVERITIES, type Severity } from './endpoint.js';
import { RECEIVER_TYPE_NAMES } from './receivers/receiver-types.js';
import { WebhookReceiverDto } from './receivers/webhook.dto.js';

/** Whether an endpoint takes part in broadcasts: notifications that name no endpoints. */
export class EndpointNotificationsDto {
  @IsOptional()
  @IsBoolean()
  enabled: boolean = false;

  /** The severities it takes. */
  @IsOptional()
  @IsArray()
  @ArrayUnique()
  @IsIn(SEVERITIES, { each: true })
  @ApiPropertyOptional({ enum: SEVERITIES, isArray: true, default: [...SEVERITIES] })
  severities: Severity[] = [...SEVERITIES];
}

/** A place that alerts are delivered to. */
export class EndpointInputDto {
  /**
   * For people; need not be unique.
   * @example on-call webhook
   */
  @IsString()
  @MinLength(1)
  @MaxLength(256)
  name!: string;

  @IsOptional()
  @IsString()
  @MaxLength(4096)
  description: string = '';

  /** Kubernetes label syntax; `?labelSelector=` selects by them. */
  @IsOptional()
  @IsLabels()
  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { type: 'string' },
    default: {},
    example: { team: 'platform' },
  })
  labels: Record<string, string> = {};

  /** A receiver name of Alertmanager; the block of the same name says where to deliver. */
  @IsIn(RECEIVER_TYPE_NAMES)
  @ApiProperty({ enum: RECEIVER_TYPE_NAMES, example: 'webhook' })
  type!: string;

  /** For `type: webhook`. */
  @IsOptional()
  @Nested(() => WebhookReceiverDto)
  webhook?: WebhookReceiverDto;

  @IsOptional()
  @Nested(() => EndpointNotificationsDto)
  notifications: EndpointNotificationsDto = new EndpointNotificationsDto();
}

export class EndpointStatusDto {
  conditions!: ConditionDto[];
}

/** An endpoint as it is read: secrets are `***`. */
export class EndpointDto extends EndpointInputDto {
  id!: string;
  /** 1, 2, 3 …; also the `ETag`. */
  revision!: number;
  /** RFC 3339. */
  createdAt!: string;
  updatedAt!: string;
  status!: EndpointStatusDto;
}

export class EndpointListDto {
  items!: EndpointDto[];
  /** To pass as `cursor`; null at the end. */
  next!: string | null;
}
