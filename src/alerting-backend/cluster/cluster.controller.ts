import { Body, Controller, Delete, Get, Put, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { OperationDto } from '../../platform/operations/operation.dto.js';
import { OperationResponder } from '../../platform/operations/operation-responder.js';
import { toDto } from '../../platform/http/dto.pipe.js';
import { QueryParams } from '../../platform/http/query-params.js';
import { WaitQueryDto } from '../../platform/http/query.dto.js';
import {
  BackendStatusDto,
  InstallationDto,
  MemberListDto,
  PresetListDto,
  UninstallQueryDto,
} from './cluster.dto.js';
import { PRESETS } from './installation.js';
import { InstallationService } from './installation.service.js';
import { MembersService } from './members.service.js';
import { StatusService } from './status.service.js';

/** The Alertmanagers as a whole. */
@ApiTags('alerting: backend')
@Controller('/api/v1/alerting')
export class ClusterController {
  constructor(
    private readonly installation: InstallationService,
    private readonly members: MembersService,
    private readonly statuses: StatusService,
    private readonly responder: OperationResponder,
  ) {}

  @Get('presets')
  @ApiOperation({ summary: 'Named starting points for an installation' })
  @ApiOkResponse({ type: PresetListDto })
  presets(): PresetListDto {
    return {
      items: PRESETS.map(({ name, description }) => ({ name, description, requiredFields: [] })),
      next: null,
    };
  }

  @Put('installation')
  @ApiOperation({ summary: 'Install the alerting backend; installed already: succeeds at once' })
  @ApiBody({ type: InstallationDto, required: false })
  @ApiAcceptedResponse({ type: OperationDto, description: 'Under way; Location names the operation' })
  @ApiOkResponse({ type: OperationDto, description: 'The operation has ended, whatever the phase' })
  async install(
    @Body() body: object | undefined,
    @QueryParams() query: WaitQueryDto,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OperationDto> {
    return this.responder.respond(
      await this.installation.install(toDto(InstallationDto, body ?? {}).preset),
      query,
      reply,
    );
  }

  @Delete('installation')
  @ApiOperation({ summary: 'Uninstall the alerting backend; endpoints and notifications stay' })
  @ApiAcceptedResponse({ type: OperationDto, description: 'Under way; Location names the operation' })
  @ApiOkResponse({ type: OperationDto, description: 'The operation has ended, whatever the phase' })
  async uninstall(
    @QueryParams() query: UninstallQueryDto,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OperationDto> {
    return this.responder.respond(await this.installation.uninstall(query.deleteData ?? false), query, reply);
  }

  @Get('status')
  @ApiOperation({ summary: 'What is installed and how it is' })
  @ApiOkResponse({ type: BackendStatusDto })
  status(): Promise<BackendStatusDto> {
    return this.statuses.status();
  }

  @Get('members')
  @ApiOperation({ summary: 'Every Alertmanager, asked now, with the configuration that it proves to run' })
  @ApiOkResponse({ type: MemberListDto })
  async list(): Promise<MemberListDto> {
    const { members } = await this.members.snapshot();
    return { items: members, next: null };
  }
}
