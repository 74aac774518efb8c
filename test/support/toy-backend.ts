import { Controller, Injectable, Module } from '@nestjs/common';
import { ApiProperty, ApiTags } from '@nestjs/swagger';
import { ArrayMaxSize, IsInt, IsString, Max, Min } from 'class-validator';
import { dtoErrors } from '../../src/platform/http/dto.pipe.js';
import { Nested, NestedList } from '../../src/platform/http/nested.js';
import { ConfigurationDocuments } from '../../src/platform/revisioned-config/configuration-documents.js';
import { configurationController } from '../../src/platform/revisioned-config/http/configuration.controller.js';
import {
  ConfigurationMount,
  type ConfigurationPreview,
  type Rollout,
} from '../../src/platform/revisioned-config/http/configuration-mount.js';
import { Sealer } from '../../src/platform/secrets/sealer.js';
import { ObjectStore } from '../../src/platform/store/object-store.js';

class StorageDto {
  @ApiProperty({ type: String })
  @IsString()
  endpoint!: string;
  @ApiProperty({ type: String })
  @IsString()
  secretKey!: string;
}

class SourceDto {
  @ApiProperty({ type: String })
  @IsString()
  name!: string;
  @ApiProperty({ type: String })
  @IsString()
  url!: string;
  @ApiProperty({ type: String })
  @IsString()
  token!: string;
}

/** 1. The document, whole: every member has a rule. */
export class ToyDocumentDto {
  @ApiProperty({ type: 'integer' })
  @IsInt()
  @Min(1)
  @Max(9)
  replicas!: number;
  @ApiProperty({ type: () => StorageDto })
  @Nested(() => StorageDto)
  storage!: StorageDto;
  @ApiProperty({ type: () => [SourceDto] })
  @NestedList(() => SourceDto)
  sources!: SourceDto[];
  @ApiProperty({ type: [String] })
  @IsString({ each: true })
  @ArrayMaxSize(10)
  tags!: string[];
}

/** 2. Where it is kept, what it is at first, what holds in it, and where its secrets are. */
@Injectable()
export class ToyDocuments extends ConfigurationDocuments<ToyDocumentDto> {
  constructor(store: ObjectStore, sealer: Sealer) {
    super(store, sealer, {
      kind: 'toy-configuration',
      builtIn: { replicas: 1, storage: { endpoint: '', secretKey: '' }, sources: [], tags: [] },
      check: (document) => dtoErrors(ToyDocumentDto, document),
      secrets: [
        { patterns: ['/storage/secretKey'], destinations: ['/storage/endpoint'] },
        {
          patterns: ['/sources/*/token'],
          destinations: ['/sources/*/url'],
          keyed: [{ pattern: '/sources/*', key: 'name' }],
        },
      ],
    });
  }
}

/** 3. What follows from a change of it. This backend runs nothing: there is nothing to roll out. */
@Injectable()
export class ToyMount extends ConfigurationMount<ToyDocumentDto> {
  constructor(override readonly documents: ToyDocuments) {
    super();
  }

  override preview(_before: ToyDocumentDto, after: ToyDocumentDto): Promise<ConfigurationPreview> {
    return Promise.resolve({ impact: 'none', config: { replicas: after.replicas }, manifests: [] });
  }

  override rollout(): Promise<Rollout | undefined> {
    return Promise.resolve(undefined);
  }
}

/** 4. Its paths, and those of the engine below them. */
@ApiTags('toy')
@Controller('/api/v1/toy')
export class ToyConfigurationController extends configurationController({
  document: ToyDocumentDto,
  mount: ToyMount,
  examples: { put: { replicas: 2 }, patch: { replicas: null }, reset: { keep: ['/tags'], patch: {} } },
}) {}

@Module({ controllers: [ToyConfigurationController], providers: [ToyDocuments, ToyMount] })
export class ToyBackendModule {}
