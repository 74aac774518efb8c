import { IsBoolean, IsIn, IsNotEmpty, IsOptional, IsString, Matches, MaxLength } from 'class-validator';
import { Nested } from '../../../platform/http/nested.js';
import { HEADER_VALUE, IsHttpHeaders, IsHttpUrl, IsStringMap } from './receiver-validators.js';

const TLS_VERSIONS = ['TLS10', 'TLS11', 'TLS12', 'TLS13'] as const;

/** TLS towards a receiver: prometheus/common `TLSConfig`, without the fields that read files. */
export class ReceiverTlsConfigDto {
  /** PEM certificates to verify the receiver with, instead of the system's. */
  @IsOptional()
  @IsString()
  ca?: string;

  /** PEM client certificate. */
  @IsOptional()
  @IsString()
  cert?: string;

  /** PEM key of `cert`. Secret: reads back as `***`. */
  @IsOptional()
  @IsString()
  key?: string;

  /** Name to verify the receiver's certificate against. */
  @IsOptional()
  @IsString()
  server_name?: string;

  /** Takes any certificate. */
  @IsOptional()
  @IsBoolean()
  insecure_skip_verify?: boolean;

  @IsOptional()
  @IsIn(TLS_VERSIONS)
  min_version?: string;

  @IsOptional()
  @IsIn(TLS_VERSIONS)
  max_version?: string;
}

/** HTTP basic authentication. */
export class BasicAuthDto {
  @IsOptional()
  @IsString()
  username?: string;

  /** Secret: reads back as `***`. */
  @IsOptional()
  @IsString()
  password?: string;
}

/** The `Authorization` header of each request. */
export class AuthorizationDto {
  /** The scheme. */
  @IsOptional()
  @Matches(/^(?!basic$)[!#$%&'*+.^_`|~0-9A-Za-z-]+$/i, {
    message: 'must be one word other than "basic"; use basic_auth for that',
  })
  type?: string = 'Bearer';

  /** Secret: reads back as `***`. */
  @IsOptional()
  @IsString()
  @Matches(HEADER_VALUE, { message: 'must be one line without control characters' })
  credentials?: string;
}

/** OAuth 2.0 client credentials. */
export class OAuth2Dto {
  @IsString()
  @IsNotEmpty()
  client_id!: string;

  /** Secret: reads back as `***`. */
  @IsOptional()
  @IsString()
  client_secret?: string;

  @IsHttpUrl()
  token_url!: string;

  @IsOptional()
  @IsString({ each: true })
  scopes?: string[];

  @IsOptional()
  @IsStringMap()
  endpoint_params?: Record<string, string>;

  @IsOptional()
  @Nested(() => ReceiverTlsConfigDto)
  tls_config?: ReceiverTlsConfigDto;

  @IsOptional()
  @IsHttpUrl()
  proxy_url?: string;
}

/** How to talk HTTP to a receiver: prometheus/common `HTTPClientConfig`, without the fields that read files of the host. */
export class HttpConfigDto {
  @IsOptional()
  @Nested(() => BasicAuthDto)
  basic_auth?: BasicAuthDto;

  @IsOptional()
  @Nested(() => AuthorizationDto)
  authorization?: AuthorizationDto;

  @IsOptional()
  @Nested(() => OAuth2Dto)
  oauth2?: OAuth2Dto;

  @IsOptional()
  @Nested(() => ReceiverTlsConfigDto)
  tls_config?: ReceiverTlsConfigDto;

  @IsOptional()
  @IsBoolean()
  follow_redirects?: boolean;

  @IsOptional()
  @IsBoolean()
  enable_http2?: boolean;

  /** Proxy to reach the receiver through. */
  @IsOptional()
  @IsHttpUrl()
  proxy_url?: string;

  /** Comma-separated addresses that do not use the proxy. */
  @IsOptional()
  @IsString()
  @MaxLength(4096)
  no_proxy?: string;

  /** Further request headers: `{"<name>": {"values": ["…"], "secrets": ["…"]}}`; `secrets` read back as `***`. */
  @IsOptional()
  @IsHttpHeaders()
  http_headers?: Record<string, { values?: string[]; secrets?: string[] }>;
}
