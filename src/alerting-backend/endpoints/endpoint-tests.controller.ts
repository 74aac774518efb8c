import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { EndpointTestInputDto, EndpointTestResultDto } from './endpoint-test.dto.js';
import { EndpointTestsService } from './endpoint-tests.service.js';

@ApiTags('alerting: endpoints')
@Controller('/api/v1/alerting/endpoint-tests')
export class EndpointTestsController {
  constructor(private readonly tests: EndpointTestsService) {}

  @Post()
  @HttpCode(200)
  @ApiOperation({ summary: 'Deliver a test alert for real and say what the receiver answered' })
  @ApiBody({
    type: EndpointTestInputDto,
    examples: {
      stored: { value: { endpointId: 'on-call' } },
      inline: {
        value: {
          endpoint: { name: 'try', type: 'webhook', webhook: { url: 'http://127.0.0.1:9999/alerts' } },
        },
      },
    },
  })
  @ApiOkResponse({ type: EndpointTestResultDto })
  run(@Body() input: EndpointTestInputDto): Promise<EndpointTestResultDto> {
    return this.tests.run(input);
  }
}
