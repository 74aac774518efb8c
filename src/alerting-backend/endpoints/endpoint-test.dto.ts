import { IsOptional, IsString, Matches } from 'class-validator';
import { Nested } from '../../platform/http/nested.js';
import { OBJECT_ID, OBJECT_ID_RULE } from '../../platform/http/object-id.js';
import { EndpointInputDto } from './endpoint.dto.js';

/** Either a stored endpoint or one that is not stored yet. */
export class EndpointTestInputDto {
  /** Id of a stored endpoint. */
  @IsOptional()
  @IsString()
  @Matches(OBJECT_ID, { message: OBJECT_ID_RULE })
  endpointId?: string;

  /** An endpoint as it would be created, with its secrets. */
  @IsOptional()
  @Nested(() => EndpointInputDto)
  endpoint?: EndpointInputDto;
}

/** What the receiver said to a real delivery. */
export class EndpointTestResultDto {
  /** Whether the receiver took it. */
  delivered!: boolean;
  /** Of its answer; null without one. */
  statusCode!: number | null;
  /** Milliseconds between call and answer; null without one. */
  latency!: number | null;
  /** The first KiB of its answer. */
  response!: string | null;
  /** Why it was not delivered. */
  error!: string | null;
}
