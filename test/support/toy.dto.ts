import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import {
  ArrayMaxSize,
  IsArray,
  IsIn,
  IsObject,
  IsOptional,
  IsString,
  Matches,
  MaxLength,
} from 'class-validator';
import { Nested, NestedList } from '../../src/platform/http/nested.js';
import { IsPrometheusDuration } from '../../src/platform/units/prometheus-duration.js';

export class PartDto {
  @ApiProperty({ type: String })
  @IsString()
  @Matches(/^[a-z/~]+$/)
  name!: string;
}

export class ToySpecDto {
  @ApiProperty({ type: String })
  @IsString()
  @MaxLength(50)
  name!: string;

  @ApiProperty({ enum: ['red', 'blue'], type: String, required: false })
  @IsOptional()
  @IsIn(['red', 'blue'])
  colour?: 'red' | 'blue';

  @ApiProperty({ type: [String], required: false })
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(5)
  @IsString({ each: true })
  tags?: string[];

  @ApiProperty({ type: PartDto, required: false })
  @IsOptional()
  @Nested(() => PartDto)
  engine?: PartDto;

  @ApiProperty({ type: [PartDto], required: false })
  @IsOptional()
  @NestedList(() => PartDto)
  parts?: PartDto[];

  @ApiPropertyOptional({ type: 'object', additionalProperties: { type: 'string' } })
  @IsOptional()
  @IsObject()
  labels?: Record<string, string>;

  @ApiProperty({ type: String, required: false })
  @IsOptional()
  @IsPrometheusDuration({ max: '1d' })
  interval?: string;
}

export class ToyDto extends ToySpecDto {
  @ApiProperty({ type: String })
  id!: string;
  @ApiProperty({ type: 'integer' })
  revision!: number;
  @ApiProperty({ type: 'object', additionalProperties: true })
  status!: object;
}

export class ToyListDto {
  @ApiProperty({ type: [ToyDto] })
  items!: ToyDto[];
  @ApiProperty({ type: String, nullable: true })
  next!: string | null;
}
