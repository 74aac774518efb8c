import { IsArray, IsBoolean, IsIn, IsOptional, IsString, Matches } from 'class-validator';
import { Setting, SettingGroup } from './setting.js';

const notEmpty = { message: 'must be a text that is not empty' };
const addressForm = { message: 'must be an address and a port, e.g. 127.0.0.1:8080 or [::1]:8080' };
/** `host:port`, `[ipv6]:port`; port 0 asks the system for a free one. */
const ADDRESS = /^(\[[0-9A-Fa-f:.]+\]|[^\s:[\]/]+):\d{1,5}$/;
const HTTP_URL = /^https?:\/\/[^\s/]+/;

export const DRIVERS = ['local', 'kubernetes'] as const;
export const AUTH_MODES = ['none', 'token', 'oidc'] as const;
/** Known, and refused with a word of their own. */
export const NOT_BUILT_YET: ReadonlySet<string> = new Set(['kubernetes', 'oidc']);
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
export const LOG_FORMATS = ['pretty', 'json'] as const;
export const BACKENDS = ['alerting'] as const;

export type AuthMode = (typeof AUTH_MODES)[number];
export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFormat = (typeof LOG_FORMATS)[number];

export class StoreSettings {
  /** Absent: SQLite in the data directory. */
  @Setting() @IsOptional() @Matches(/^[a-z]+:/, { message: 'must be a URL' }) url?: string;
}

export class SecretsSettings {
  @Setting('path') @Matches(/./, notEmpty) keyFile!: string;
}

export class BootstrapSettings {
  /** Backends that a new data directory gets without being asked. */
  @Setting('list') @IsArray() @IsIn(BACKENDS, { each: true }) install: string[] = ['alerting'];
}

export class AuthSettings {
  @Setting() @IsIn(AUTH_MODES) mode: AuthMode = 'none';
}

export class TlsSettings {
  /** PEM file: certificate and its chain. */
  @Setting('path') @IsOptional() @Matches(/./, notEmpty) cert?: string;
  /** PEM file: private key. */
  @Setting('path') @IsOptional() @Matches(/./, notEmpty) key?: string;
  /** A proxy in front of the gateway speaks TLS with its clients. */
  @Setting('boolean') @IsBoolean({ message: 'must be true or false' }) terminatedUpstream: boolean = false;
}

export class CorsSettings {
  @Setting('list')
  @IsArray()
  @Matches(/^https?:\/\/[^\s/?#]+$/, { each: true, message: 'must be origins, e.g. https://ui.example.com' })
  origins: string[] = [];
}

export class OtlpSettings {
  @Setting() @IsOptional() @Matches(HTTP_URL, { message: 'must be an http(s) URL' }) endpoint?: string;
}

export class KubernetesSettings {
  /** Absent: the pod's own. */
  @Setting()
  @IsOptional()
  @Matches(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, { message: 'must be a namespace' })
  namespace?: string;
}

export class ComponentSettings {
  /** The program itself, or the directory that holds it. */
  @Setting('path') @IsOptional() @Matches(/./, notEmpty) path?: string;
}

export class ComponentsSettings {
  /** Where releases are downloaded from instead of their upstream. */
  @Setting() @IsOptional() @Matches(HTTP_URL, { message: 'must be an http(s) URL' }) mirror?: string;
  @SettingGroup(ComponentSettings) alertmanager: ComponentSettings = new ComponentSettings();
}

/**
 * Everything that can be set from outside, after defaults: `loadSettings` makes and validates it once at the start, and it
 * never changes afterwards. Injected by its class.
 */
export class Settings {
  @Setting() @IsIn(DRIVERS) driver: string = 'local';
  @Setting() @Matches(ADDRESS, addressForm) listen: string = '127.0.0.1:8080';
  @Setting() @Matches(ADDRESS, addressForm) agentListen: string = '127.0.0.1:8443';
  @Setting()
  @IsOptional()
  @Matches(/^https:\/\/[^\s/]+/, { message: 'must be an https URL' })
  agentUrl?: string;
  @Setting('path') @IsString() @Matches(/./, notEmpty) dataDir!: string;
  @Setting('path') @IsString() @Matches(/./, notEmpty) componentsDir!: string;
  @Setting('list')
  @IsArray()
  @Matches(/^[0-9A-Fa-f:.]+(\/\d{1,3})?$/, {
    each: true,
    message: 'must be addresses or networks, e.g. 10.0.0.0/8',
  })
  trustedProxies: string[] = [];
  @Setting() @IsIn(LOG_LEVELS) logLevel: LogLevel = 'info';
  @Setting() @IsIn(LOG_FORMATS) logFormat!: LogFormat;
  @SettingGroup(StoreSettings) store: StoreSettings = new StoreSettings();
  @SettingGroup(SecretsSettings) secrets: SecretsSettings = new SecretsSettings();
  @SettingGroup(BootstrapSettings) bootstrap: BootstrapSettings = new BootstrapSettings();
  @SettingGroup(AuthSettings) auth: AuthSettings = new AuthSettings();
  @SettingGroup(TlsSettings) tls: TlsSettings = new TlsSettings();
  @SettingGroup(CorsSettings) cors: CorsSettings = new CorsSettings();
  @SettingGroup(OtlpSettings) otlp: OtlpSettings = new OtlpSettings();
  @SettingGroup(KubernetesSettings) kubernetes: KubernetesSettings = new KubernetesSettings();
  @SettingGroup(ComponentsSettings) components: ComponentsSettings = new ComponentsSettings();
}
