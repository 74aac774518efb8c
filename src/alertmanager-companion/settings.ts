import { readFile } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import type { CompanionSettings } from './companion-api.js';
import { isRecord } from './http/parse-json.js';

/** The settings file cannot be used; the message names the file, the field and what it should be. */
export class SettingsError extends Error {
  constructor(file: string, problem: string) {
    super(`The companion's settings file ${file} cannot be used: ${problem}`);
    this.name = 'SettingsError';
  }
}

export interface Address {
  host: string;
  port: number;
}

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

type Check = (value: unknown) => string | null;

const text: Check = (value) => (typeof value === 'string' && value !== '' ? null : 'a non-empty text');
const path: Check = (value) => (typeof value === 'string' && isAbsolute(value) ? null : 'an absolute path');
const address: Check = (value) =>
  typeof value === 'string' && parseAddress(value) !== null
    ? null
    : '"host:port" with a port from 1 to 65535';
const level: Check = (value) =>
  typeof value === 'string' && LOG_LEVELS.includes(value) ? null : `one of ${LOG_LEVELS.join(', ')}`;
const url: Check = (value) =>
  typeof value === 'string' && /^http:\/\/[^/]+\/?$/.test(value) && URL.canParse(value)
    ? null
    : '"http://host:port" without a path';

const CHECKS: Record<string, Check> = {
  member: text,
  listen: address,
  probeListen: address,
  alertmanagerUrl: url,
  dataDir: path,
  'tls.certificateFile': path,
  'tls.keyFile': path,
  'tls.caFile': path,
  'binaries.alertmanager': path,
  'binaries.amtool': path,
  logLevel: level,
};

/** @throws SettingsError that names the file and each wrong field */
export async function readSettings(file: string): Promise<CompanionSettings> {
  let source: string;
  try {
    source = await readFile(file, 'utf8');
  } catch (error) {
    throw new SettingsError(file, error instanceof Error ? error.message : String(error));
  }
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch (error) {
    throw new SettingsError(
      file,
      `it is not JSON (${error instanceof Error ? error.message : String(error)}).`,
    );
  }
  const problems = problemsOf(value);
  if (problems.length > 0) throw new SettingsError(file, problems.join('; '));
  return value as CompanionSettings;
}

/** One sentence per wrong, missing or unknown field. */
export function problemsOf(value: unknown): string[] {
  if (!isRecord(value)) return ['it must hold one JSON object.'];
  const flat = flatten(value);
  const problems: string[] = [];
  for (const [field, check] of Object.entries(CHECKS)) {
    const wanted = check(flat.get(field));
    if (wanted !== null) {
      problems.push(`"${field}" must be ${wanted}${flat.has(field) ? '' : ' and is missing'}`);
    }
  }
  for (const field of flat.keys()) {
    if (!Object.hasOwn(CHECKS, field) && field !== 'tls' && field !== 'binaries') {
      problems.push(`"${field}" is not a known field`);
    }
  }
  return problems;
}

/** `host:port` or `[v6]:port`, or null. */
export function parseAddress(value: string): Address | null {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(value);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host === undefined || port < 1 || port > 65_535 ? null : { host, port };
}

function flatten(settings: Record<string, unknown>): Map<string, unknown> {
  const flat = new Map<string, unknown>();
  for (const [key, value] of Object.entries(settings)) {
    if (isRecord(value)) for (const [inner, leaf] of Object.entries(value)) flat.set(`${key}.${inner}`, leaf);
    else flat.set(key, value);
  }
  return flat;
}
