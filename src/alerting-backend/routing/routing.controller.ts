import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { RoutingConfigDto } from './routing.dto.js';
import { RoutingService } from './routing.service.js';

@ApiTags('alerting: routing')
@Controller('/api/v1/alerting/routing')
export class RoutingController {
  constructor(private readonly routing: RoutingService) {}

  @Get('config')
  @ApiOperation({ summary: 'The Alertmanager configuration that every member shall run; secrets are ***' })
  @ApiOkResponse({ type: RoutingConfigDto })
  config(): Promise<RoutingConfigDto> {
    return this.routing.config();
  }
}
