import { ApiProperty } from '@nestjs/swagger';
import type { ComponentOrigin } from '../../platform/components/component-catalogue.js';

export class ComponentDto {
  /** @example alertmanager */
  name!: string;
  version!: string;
  @ApiProperty({ enum: ['configured', 'path', 'cache', 'download', 'build'] })
  origin!: ComponentOrigin;
}

export class InfoDto {
  /** Of this service. */
  version!: string;
  /** @example gateway */
  role!: string;
  /** @example local */
  driver!: string;
  /** Programs that were needed so far. */
  components!: ComponentDto[];
}
