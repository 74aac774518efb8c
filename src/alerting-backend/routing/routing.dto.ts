import { ApiProperty } from '@nestjs/swagger';

/** What the store's objects compile to. */
export class RoutingConfigDto {
  /** sha256 in hex of the configuration with its secrets; members in sync answer it as `configHash`. */
  sha256!: string;
  /** In Alertmanager's own fields. */
  @ApiProperty({ type: 'object', additionalProperties: true })
  config!: Record<string, unknown>;
}
