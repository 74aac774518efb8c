import { ApiProperty, ApiPropertyOptional, OmitType } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { ArrayMaxSize, IsArray, IsInt, IsObject, IsOptional, IsString, Min } from 'class-validator';
import { IsFlag, ListQueryDto, WaitQueryDto } from '../../http/query.dto.js';

const IMPACTS = ['none', 'reload', 'restart', 'recreate', 'data-loss'] as const;
export type Impact = (typeof IMPACTS)[number];

/** Of writes. */
export class ConfigurationWriteQueryDto extends WaitQueryDto {
  /** Answer what the call would do, and store nothing. */
  @ApiPropertyOptional({ type: Boolean })
  @IsFlag()
  dryRun?: boolean;
}

export class RevisionListQueryDto extends OmitType(ListQueryDto, ['labelSelector'] as const) {}

export class DiffQueryDto {
  /** The other revision; the active one when left out. */
  @ApiPropertyOptional({ type: 'integer', minimum: 1 })
  @IsOptional()
  @Transform(({ value }: { value: unknown }) =>
    typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value,
  )
  @IsInt({ message: 'must be a revision' })
  @Min(1)
  to?: number;
}

/** What of the active document stays when the rest returns to its default. */
export class ResetDto {
  /**
   * RFC 6901 pointers to members of objects; what stands there stays, whole. One that leads nowhere keeps nothing.
   * @example ['/retention']
   */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(1000)
  @IsString({ each: true })
  keep?: string[];

  /** Merge patch over the result; it wins over what was kept. */
  @ApiPropertyOptional({ type: 'object', additionalProperties: true, example: {} })
  @IsOptional()
  @IsObject({ message: 'must be an object' })
  patch?: object;
}

export class RollbackDto {
  /**
   * The revision to bring back, as a new one and with the secrets that it had.
   * @example 1
   */
  @IsInt({ message: 'must be a revision' })
  @Min(1)
  revision!: number;
}

/** One operation of an RFC 6902 patch. */
export class DiffOperationDto {
  @ApiProperty({ enum: ['add', 'remove', 'replace'] })
  op!: 'add' | 'remove' | 'replace';
  @ApiProperty({ type: String, example: '/retention' })
  path!: string;
  @ApiPropertyOptional({
    description: 'Of `add` and `replace`: any JSON.',
    oneOf: [
      { type: 'object', additionalProperties: true },
      { type: 'array', items: {} },
      { type: 'string' },
      { type: 'number' },
      { type: 'boolean' },
    ],
  })
  value?: unknown;
}

export class DiffDto {
  @ApiProperty({ type: 'integer' })
  from!: number;
  @ApiProperty({ type: 'integer' })
  to!: number;
  @ApiProperty({
    type: () => [DiffOperationDto],
    description: 'RFC 6902; a secret that differs is replaced by `***`.',
  })
  diff!: DiffOperationDto[];
}

/** What a call with `dryRun` would do. */
export class DryRunDto {
  /** As it would be stored, without secrets. */
  @ApiProperty({ type: 'object', additionalProperties: true })
  document!: object;
  @ApiProperty({ type: () => [DiffOperationDto], description: 'What becomes of the document, RFC 6902.' })
  diff!: DiffOperationDto[];
  /** The worst that happens to what runs. */
  @ApiProperty({ enum: IMPACTS })
  impact!: Impact;
  /** What the programs would be configured with, without secrets. */
  @ApiProperty({ type: 'object', additionalProperties: true })
  config!: object;
  /** Processes, or objects of Kubernetes. */
  @ApiProperty({ type: 'array', items: { type: 'object', additionalProperties: true } })
  manifests!: object[];
}
