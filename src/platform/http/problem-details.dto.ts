import { ApiProperty } from '@nestjs/swagger';

/** One wrong field of a request. */
export class FieldErrorDto {
  /** Into the body (RFC 6901), e.g. `/webhook/url`. */
  @ApiProperty({ type: String, required: false })
  pointer?: string;
  /** Of the query or the path. */
  @ApiProperty({ type: String, required: false })
  parameter?: string;
  /** Stable, kebab-case. */
  @ApiProperty({ type: String })
  code!: string;
  @ApiProperty({ type: String })
  detail!: string;
}

/** Why a request was not carried out (RFC 9457). */
export class ProblemDto {
  @ApiProperty({ type: String, example: 'urn:opni:problem:invalid' })
  type!: string;
  @ApiProperty({ type: String, example: 'Unprocessable Entity' })
  title!: string;
  @ApiProperty({ type: 'integer', minimum: 400, maximum: 599 })
  status!: number;
  /** What happened and what to do about it. */
  @ApiProperty({ type: String })
  detail!: string;
  /** The path that was asked. */
  @ApiProperty({ type: String })
  instance!: string;
  /** Stable, kebab-case; for programs. */
  @ApiProperty({ type: String, example: 'invalid' })
  code!: string;
  @ApiProperty({ type: [FieldErrorDto], required: false })
  errors?: FieldErrorDto[];
  /** The request's id, as in `X-Request-Id` and the log. */
  @ApiProperty({ type: String })
  traceId!: string;
}
