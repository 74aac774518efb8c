import { IsBoolean, IsInt, IsOptional, Max, Min } from 'class-validator';
import { Nested } from '../../../platform/http/nested.js';
import { IsPrometheusDuration } from '../../../platform/units/prometheus-duration.js';
import { HttpConfigDto } from './http-config.dto.js';
import { IsHttpUrl } from './receiver-validators.js';

/** One element of Alertmanager's `webhook_configs`. */
export class WebhookReceiverDto {
  /**
   * Where Alertmanager POSTs its JSON. Credentials do not belong here but into `http_config`.
   * @example http://127.0.0.1:9999/alerts
   */
  @IsHttpUrl()
  url!: string;

  /** Whether an end of an alarm is delivered, too. Notifications are events and never resolve. */
  @IsOptional()
  @IsBoolean()
  send_resolved?: boolean;

  /** Alerts in one call at most; 0: all. */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(1_000_000)
  max_alerts?: number;

  /**
   * How long one call may take; 0s: as long as the group interval allows.
   * @example 10s
   */
  @IsOptional()
  @IsPrometheusDuration()
  timeout?: string;

  @IsOptional()
  @Nested(() => HttpConfigDto)
  http_config?: HttpConfigDto;
}
