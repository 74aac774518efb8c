import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Driver } from '../../drivers/driver.js';
import { ComponentCatalogue } from '../../platform/components/component-catalogue.js';
import { VERSION } from '../../platform/version.js';
import { InfoDto } from './info.dto.js';

@ApiTags('service')
@Controller('/api/v1/info')
export class InfoController {
  constructor(
    private readonly driver: Driver,
    private readonly catalogue: ComponentCatalogue,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Version, role, driver, and the programs that are run' })
  @ApiOkResponse({ type: InfoDto })
  info(): InfoDto {
    return {
      version: VERSION,
      role: 'gateway',
      driver: this.driver.name,
      components: this.catalogue.resolved().map(({ name, version, origin }) => ({ name, version, origin })),
    };
  }
}
