import { Body, Controller, Delete, Get, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AnyQuery, RequestBody } from '../../platform/http/route-options.js';
import type { CompanionAnswer } from '../config-sync/companion-client.js';
import { AlertmanagerApiService } from './alertmanager-api.service.js';
import { ApiNativeErrors } from './native-errors.decorator.js';

const ANY_JSON = { schema: {} };
/** Prometheus posts whole batches. */
const BODY_LIMIT = 16 * 1024 * 1024;

/**
 * Alertmanager's API v2 as amtool, Grafana, Prometheus and Karma speak it: give them
 * `http://<gateway>/api/v1/alerting/alertmanager` as the URL. Bodies, answers and errors are Alertmanager's own.
 */
@ApiTags('alerting: Alertmanager API v2')
@ApiNativeErrors()
@Controller('/api/v1/alerting/alertmanager/api/v2')
export class AlertmanagerApiController {
  constructor(private readonly api: AlertmanagerApiService) {}

  @Get('status')
  @AnyQuery()
  @ApiOperation({ summary: 'Status of a member' })
  @ApiOkResponse(ANY_JSON)
  status(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.#read('/status', request, reply);
  }

  @Get('receivers')
  @AnyQuery()
  @ApiOperation({ summary: 'Names of receivers' })
  @ApiOkResponse(ANY_JSON)
  receivers(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.#read('/receivers', request, reply);
  }

  @Get('alerts')
  @AnyQuery()
  @ApiOperation({ summary: 'List alerts' })
  @ApiOkResponse(ANY_JSON)
  alerts(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.#read('/alerts', request, reply);
  }

  @Post('alerts')
  @HttpCode(200)
  @RequestBody({ limit: BODY_LIMIT, allowNull: true })
  @ApiOperation({ summary: 'Post alerts to every member; labels that start with opni_ are refused' })
  @ApiBody({
    schema: {
      type: 'array',
      items: { type: 'object' },
      example: [{ labels: { alertname: 'DiskFull', instance: 'node-3' } }],
    },
  })
  @ApiOkResponse()
  async postAlerts(@Body() alerts: unknown, @Res() reply: FastifyReply): Promise<void> {
    send(await this.api.postAlerts(alerts), reply);
  }

  @Get('alerts/groups')
  @AnyQuery()
  @ApiOperation({ summary: 'List alerts by group' })
  @ApiOkResponse(ANY_JSON)
  groups(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.#read('/alerts/groups', request, reply);
  }

  @Get('silences')
  @AnyQuery()
  @ApiOperation({ summary: 'List silences' })
  @ApiOkResponse(ANY_JSON)
  silences(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.#read('/silences', request, reply);
  }

  @Post('silences')
  @HttpCode(200)
  @RequestBody({ allowNull: true })
  @ApiOperation({ summary: 'Create or update a silence' })
  @ApiBody({ schema: { type: 'object' } })
  @ApiOkResponse(ANY_JSON)
  async postSilence(@Body() body: unknown, @Res() reply: FastifyReply): Promise<void> {
    send(await this.api.postSilence(body), reply);
  }

  @Get('silence/:silenceId')
  @ApiOperation({ summary: 'Read a silence' })
  @ApiParam({ name: 'silenceId', schema: { type: 'string', format: 'uuid' } })
  @ApiOkResponse(ANY_JSON)
  async silence(@Param('silenceId') id: string, @Res() reply: FastifyReply): Promise<void> {
    send(await this.api.silence('GET', id), reply);
  }

  @Delete('silence/:silenceId')
  @HttpCode(200)
  @ApiOperation({ summary: 'Expire a silence' })
  @ApiParam({ name: 'silenceId', schema: { type: 'string', format: 'uuid' } })
  @ApiOkResponse()
  async deleteSilence(@Param('silenceId') id: string, @Res() reply: FastifyReply): Promise<void> {
    send(await this.api.silence('DELETE', id), reply);
  }

  async #read(path: string, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const query = new URL(request.raw.url ?? '/', 'http://gateway').search;
    send(await this.api.ask({ method: 'GET', path: `${path}${query}` }), reply);
  }
}

function send({ status, contentType, body }: CompanionAnswer, reply: FastifyReply): void {
  void reply.code(status).header('content-type', contentType).send(body);
}
