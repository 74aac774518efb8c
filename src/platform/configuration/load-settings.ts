import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { validateSync, type ValidationError } from 'class-validator';
import { ConfigurationError, type ConfigurationFinding } from './configuration-error.js';
import { brokenRules } from './rules.js';
import { settingsOf } from './setting.js';
import {
  AUTH_MODES,
  BACKENDS,
  DRIVERS,
  LOG_FORMATS,
  LOG_LEVELS,
  NOT_BUILT_YET,
  Settings,
} from './settings.js';
import { readEnvironmentValues, readFileValues, type SourcedValue } from './sources.js';

export interface SettingsSources {
  /** YAML. */
  configFile?: string;
  env: NodeJS.ProcessEnv;
  /** Whether standard output is a terminal; decides the default of `logFormat`. */
  terminal?: boolean;
}

const ALLOWED: Record<string, readonly string[]> = {
  driver: DRIVERS,
  'auth.mode': AUTH_MODES,
  logLevel: LOG_LEVELS,
  logFormat: LOG_FORMATS,
  'bootstrap.install': BACKENDS,
};

/** Values that may hold a password are never repeated. */
const MAY_BE_SECRET = new Set(['store.url', 'components.mirror', 'otlp.endpoint']);

/**
 * Reads and validates everything once: defaults, then the file, then the environment.
 * @throws ConfigurationError with everything that is wrong
 */
export function loadSettings({ configFile, env, terminal }: SettingsSources): Settings {
  const definitions = settingsOf(Settings);
  const file =
    configFile === undefined ? { values: new Map(), findings: [] } : readFileValues(configFile, definitions);
  const environment = readEnvironmentValues(env, definitions);
  const values = new Map<string, SourcedValue>([...file.values, ...environment.values]);
  const settings = defaults(env, terminal ?? process.stdout.isTTY);
  for (const [path, { value }] of values) assign(settings, path, value);
  settings.secrets.keyFile ??= `${settings.dataDir}/secrets.key`;

  const sourced = (finding: ConfigurationFinding): ConfigurationFinding => {
    const origin = finding.origin ?? values.get(finding.setting ?? '')?.origin;
    return { ...finding, ...(origin !== undefined && { origin }) };
  };
  const findings = [...file.findings, ...environment.findings, ...wrongValues(validateSync(settings))];
  const all = findings.length > 0 ? findings : brokenRules(settings);
  if (all.length > 0) throw new ConfigurationError(all.map(sourced));
  return settings;
}

function defaults(env: NodeJS.ProcessEnv, terminal: boolean): Settings {
  const settings = new Settings();
  const home = env['HOME'] !== undefined && isAbsolute(env['HOME']) ? env['HOME'] : homedir();
  // The XDG base directory specification: a relative path in these variables is ignored.
  const base = (variable: string, otherwise: string): string => {
    const value = env[variable];
    return value !== undefined && isAbsolute(value) ? value : join(home, otherwise);
  };
  settings.dataDir = join(base('XDG_DATA_HOME', '.local/share'), 'opni');
  settings.componentsDir = join(base('XDG_CACHE_HOME', '.cache'), 'opni', 'components');
  settings.logFormat = terminal ? 'pretty' : 'json';
  return settings;
}

function assign(settings: Settings, path: string, value: unknown): void {
  const parts = path.split('.');
  const leaf = parts.pop() as string;
  let group = settings as unknown as Record<string, unknown>;
  for (const part of parts) group = group[part] as Record<string, unknown>;
  group[leaf] = value;
}

function wrongValues(errors: ValidationError[], prefix = ''): ConfigurationFinding[] {
  return errors.flatMap((error) => {
    const setting = prefix + error.property;
    const messages = Object.values(error.constraints ?? {});
    const own =
      messages.length === 0 ? [] : [{ setting, message: wrongText(setting, error.value, messages) }];
    return [...own, ...wrongValues(error.children ?? [], `${setting}.`)];
  });
}

function wrongText(setting: string, value: unknown, messages: string[]): string {
  const shown = MAY_BE_SECRET.has(setting) ? 'the value' : JSON.stringify(value);
  const allowed = ALLOWED[setting];
  if (allowed) {
    const built = allowed.filter((name) => !NOT_BUILT_YET.has(name));
    return `${shown} is not allowed. Allowed: ${built.join(', ')}.`;
  }
  const rule = messages.find((message) => message.startsWith('must')) ?? messages[0];
  return `${shown} is not valid; it ${rule}.`;
}
