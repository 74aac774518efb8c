import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, IsString } from 'class-validator';

export class EventsQueryDto {
  /** Only these kinds, comma-separated singular nouns of paths; left out: all. */
  @ApiPropertyOptional({ type: String, example: 'endpoint,operation' })
  @IsOptional()
  @IsString({ message: 'must be given once' })
  kinds?: string;
}
