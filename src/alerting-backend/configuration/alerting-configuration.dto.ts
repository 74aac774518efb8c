import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import {
  ArrayMaxSize,
  IsArray,
  IsDefined,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  Matches,
  Max,
  Min,
} from 'class-validator';
import { Nested } from '../../platform/http/nested.js';
import { IsKubernetesQuantity } from '../../platform/units/kubernetes-quantity.js';
import { IsPrometheusDuration } from '../../platform/units/prometheus-duration.js';
import type { AlertingConfiguration } from './alerting-configuration.js';

/** Alertmanager keeps durations as 64-bit nanoseconds; nothing here is sensible beyond years anyway. */
const POSITIVE = { min: '1ms', max: '10y' };
const NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;
const NAME_RULE = {
  message: 'must be a name of a Kubernetes object: lower case letters, digits, "-" and "."',
};
const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never'] as const;
const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;

export class ImageDto {
  /** Without tag. @example prom/alertmanager */
  @Matches(/^[a-z0-9]+([._:/-]+[a-z0-9]+)*$/, {
    message: 'must be the name of an image, without tag and digest',
  })
  repository!: string;
  @ApiProperty({ enum: PULL_POLICIES })
  @IsIn(PULL_POLICIES)
  pullPolicy!: (typeof PULL_POLICIES)[number];
  /** Names of Secrets. */
  @IsArray()
  @ArrayMaxSize(16)
  @Matches(NAME, { each: true, ...NAME_RULE })
  pullSecrets!: string[];
}

/** Kubernetes quantities. */
export class QuantitiesDto {
  /** @example 500m */
  @ApiPropertyOptional({ type: String })
  @IsOptional()
  @IsKubernetesQuantity()
  cpu?: string;
  /** @example 256Mi */
  @ApiPropertyOptional({ type: String })
  @IsOptional()
  @IsKubernetesQuantity()
  memory?: string;
}

export class ResourcesDto {
  @Nested(() => QuantitiesDto)
  requests!: QuantitiesDto;
  @Nested(() => QuantitiesDto)
  limits!: QuantitiesDto;
}

export class ControllersDto {
  /** Members that advertise the address that others join. */
  @IsInt()
  @Min(1)
  @Max(100)
  replicas!: number;
  @Nested(() => ResourcesDto)
  resources!: ResourcesDto;
}

export class WorkersDto {
  /** Members that join the controllers. */
  @IsInt()
  @Min(0)
  @Max(100)
  replicas!: number;
  @Nested(() => ResourcesDto)
  resources!: ResourcesDto;
}

/** How members find and watch each other. Prometheus durations. */
export class ClusterSettingsDto {
  /** @example 200ms */
  @IsPrometheusDuration(POSITIVE)
  gossipInterval!: string;
  /** At most a third of peerTimeout, else members send what another one has sent. */
  @IsPrometheusDuration(POSITIVE)
  pushPullInterval!: string;
  /** How long a member waits for the others before it sends anything. */
  @IsPrometheusDuration({ max: '10y' })
  settleTimeout!: string;
  /** How long each member waits for the one before it. */
  @IsPrometheusDuration(POSITIVE)
  peerTimeout!: string;
  @IsPrometheusDuration(POSITIVE)
  reconnectInterval!: string;
  @IsPrometheusDuration(POSITIVE)
  reconnectTimeout!: string;
  @IsPrometheusDuration(POSITIVE)
  probeInterval!: string;
  /** At most probeInterval. */
  @IsPrometheusDuration(POSITIVE)
  probeTimeout!: string;
  @IsPrometheusDuration(POSITIVE)
  tcpTimeout!: string;
}

export class StorageDto {
  /** Of each member's volume. @example 1Gi */
  @IsKubernetesQuantity()
  size!: string;
  /** The cluster's default when left out. */
  @ApiPropertyOptional({ type: String })
  @IsOptional()
  @Matches(NAME, NAME_RULE)
  storageClass?: string;
}

/** How long the first notification of a group waits for others, by severity. */
export class GroupWaitDto {
  /** @example 30s */
  @IsPrometheusDuration({ max: '10y' })
  info!: string;
  @IsPrometheusDuration({ max: '10y' })
  warning!: string;
  @IsPrometheusDuration({ max: '10y' })
  error!: string;
  @IsPrometheusDuration({ max: '10y' })
  critical!: string;
}

/** How long a group that has changed waits before it is sent again, by severity. More than 0: Alertmanager wants it so. */
export class GroupIntervalDto {
  /** @example 30s */
  @IsPrometheusDuration(POSITIVE)
  info!: string;
  @IsPrometheusDuration(POSITIVE)
  warning!: string;
  @IsPrometheusDuration(POSITIVE)
  error!: string;
  @IsPrometheusDuration(POSITIVE)
  critical!: string;
}

export class NotificationSettingsDto {
  @Nested(() => GroupWaitDto)
  groupWait!: GroupWaitDto;
  @Nested(() => GroupIntervalDto)
  groupInterval!: GroupIntervalDto;
}

/** How the Alertmanagers are run. */
export class AlertingConfigurationDto implements AlertingConfiguration {
  /** Of Alertmanager. @example 0.31.1 */
  @IsString()
  @Matches(/^\d{1,4}\.\d{1,4}\.\d{1,4}(-[0-9A-Za-z.-]{1,40})?$/, {
    message: 'must be a version such as 0.31.1',
  })
  version!: string;
  @Nested(() => ImageDto)
  image!: ImageDto;
  @Nested(() => ControllersDto)
  controllers!: ControllersDto;
  @Nested(() => WorkersDto)
  workers!: WorkersDto;
  @Nested(() => ClusterSettingsDto)
  cluster!: ClusterSettingsDto;
  @Nested(() => StorageDto)
  storage!: StorageDto;
  @Nested(() => NotificationSettingsDto)
  notifications!: NotificationSettingsDto;
  /** How long resolved alerts, silences and the notification log are kept. @example 120h */
  @IsDefined()
  @IsPrometheusDuration(POSITIVE)
  retention!: string;
  @ApiProperty({ enum: LOG_LEVELS })
  @IsIn(LOG_LEVELS)
  logLevel!: (typeof LOG_LEVELS)[number];
}
