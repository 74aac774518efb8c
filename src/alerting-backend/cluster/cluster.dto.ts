import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, IsString } from 'class-validator';
import { AlertingConfigurationDto } from '../configuration/alerting-configuration.dto.js';
import { ConditionDto } from '../../platform/http/condition.dto.js';
import { IsFlag, WaitQueryDto } from '../../platform/http/query.dto.js';
import { APP_STATES, INSTALL_STATES, type AppState, type InstallState } from './backend-state.js';

/** What to install. */
export class InstallationDto {
  /**
   * Name of a preset, see `GET /api/v1/alerting/presets`: its document becomes the configuration. Without one, what
   * `GET /api/v1/alerting/configuration` answers is installed.
   * @example standalone
   */
  @IsOptional()
  @IsString()
  preset?: string;
}

export class InstallQueryDto extends WaitQueryDto {
  /** Whether a preset may replace a configuration that was written. */
  @ApiPropertyOptional({ type: Boolean })
  @IsFlag()
  force?: boolean;
  /** Answer what the call would do, and store nothing. */
  @ApiPropertyOptional({ type: Boolean })
  @IsFlag()
  dryRun?: boolean;
}

export class UninstallQueryDto extends WaitQueryDto {
  /** Whether silences, the notification log and messages are removed, too. */
  @IsFlag()
  deleteData?: boolean;
}

/** A named starting point. */
export class PresetDto {
  name!: string;
  description!: string;
  /** The configuration that it stands for. */
  document!: AlertingConfigurationDto;
  /** RFC 6901 pointers of the fields that still have to be given. */
  requiredFields!: string[];
}

export class PresetListDto {
  items!: PresetDto[];
  next!: string | null;
}

/** One Alertmanager, as it says about itself now. */
export class MemberDto {
  /** @example controller-0 */
  name!: string;
  @ApiProperty({ enum: ['controller', 'worker'] })
  set!: 'controller' | 'worker';
  /** Of its companion; null while that does not run. */
  address!: string | null;
  /** Process id of Alertmanager; local driver only. */
  pid!: number | null;
  /** Of the Alertmanager that answered; null when none did. */
  version!: string | null;
  /** Members that it sees, itself included. */
  peers!: number | null;
  /** sha256 of the canonical configuration that it proves to run now; null when it cannot. */
  configHash!: string | null;
  /** Whether that is the newest configuration. */
  inSync!: boolean;
  lastError!: string | null;
}

export class MemberListDto {
  items!: MemberDto[];
  next!: string | null;
}

export class WorkloadDto {
  /** @example controllers */
  name!: string;
  desired!: number;
  ready!: number;
  /** Why it is not ready, for machines. */
  reason!: string | null;
  /** Why it is not ready, for people. */
  message!: string | null;
}

export class BackendStatusDto {
  @ApiProperty({ enum: ['not-configured', 'configured'] })
  configState!: 'not-configured' | 'configured';
  @ApiProperty({ enum: INSTALL_STATES })
  installState!: InstallState;
  /** `unknown` where nothing has been seen. */
  @ApiProperty({ enum: APP_STATES })
  appState!: AppState;
  conditions!: ConditionDto[];
  /** Of the Alertmanager that is run; null before it was found. */
  version!: string | null;
  workloads!: WorkloadDto[];
}
