import { Body, Controller, Delete, Get, Put, Res } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiBody,
  ApiExtraModels,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
  getSchemaPath,
} from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { OperationDto } from '../../platform/operations/operation.dto.js';
import { OperationResponder } from '../../platform/operations/operation-responder.js';
import { toDto } from '../../platform/http/dto.pipe.js';
import { QueryParams } from '../../platform/http/query-params.js';
import { Author } from '../../platform/revisioned-config/http/author.decorator.js';
import { DryRunDto } from '../../platform/revisioned-config/http/configuration.dto.js';
import { AlertingConfigurationMount } from '../configuration/alerting.mount.js';
import { PRESETS } from '../configuration/built-in.js';
import {
  BackendStatusDto,
  InstallationDto,
  InstallQueryDto,
  MemberListDto,
  PresetListDto,
  UninstallQueryDto,
} from './cluster.dto.js';
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
    private readonly configuration: AlertingConfigurationMount,
  ) {}

  @Get('presets')
  @ApiOperation({ summary: 'Named starting points for an installation' })
  @ApiOkResponse({ type: PresetListDto })
  presets(): PresetListDto {
    return { items: [...PRESETS], next: null };
  }

  @Put('installation')
  @ApiOperation({ summary: 'Install the alerting backend; installed already: succeeds at once' })
  @ApiBody({ type: InstallationDto, required: false })
  @ApiAcceptedResponse({ type: OperationDto, description: 'Under way; Location names the operation' })
  @ApiExtraModels(DryRunDto)
  @ApiOkResponse({
    schema: { oneOf: [{ $ref: getSchemaPath(OperationDto) }, { $ref: getSchemaPath(DryRunDto) }] },
    description: 'The operation has ended, whatever the phase; dryRun: what would be done',
  })
  async install(
    @Body() body: object | undefined,
    @QueryParams() { force = false, dryRun, ...query }: InstallQueryDto,
    @Author() author: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OperationDto | DryRunDto> {
    const { preset } = toDto(InstallationDto, body ?? {});
    const request = { force, author, ...(preset === undefined ? {} : { preset }) };
    if (dryRun) return this.configuration.previewInstallation(request);
    return this.responder.respond(await this.installation.install(request), query, reply);
  }

  @Delete('installation')
  @ApiOperation({ summary: 'Uninstall the alerting backend; endpoints and notifications stay' })
  @ApiAcceptedResponse({ type: OperationDto, description: 'Under way; Location names the operation' })
  @ApiOkResponse({ type: OperationDto, description: 'The operation has ended, whatever the phase' })
  async uninstall(
    @QueryParams() query: UninstallQueryDto,
    @Author() author: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OperationDto> {
    return this.responder.respond(
      await this.installation.uninstall(query.deleteData ?? false, author),
      query,
      reply,
    );
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
