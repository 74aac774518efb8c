import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, resolve } from 'node:path';
import type { YAMLMap } from 'yaml';
import { messageOf } from '../errors.js';
import { nearest } from '../nearest.js';
import type { ConfigurationFinding } from './configuration-error.js';
import type { SettingDefinition } from './setting.js';

/** A value as it was found, before validation. */
export interface SourcedValue {
  value: unknown;
  /** `opni.yaml:3` or `OPNI_LISTEN`. */
  origin: string;
}

export interface SourcedValues {
  values: Map<string, SourcedValue>;
  findings: ConfigurationFinding[];
}

/** Settings whose parts come later; named here so that they are not called mistyped. */
const RESERVED = /^auth\.oidc(\.|$)/;

/** `listen: [::1]:8080` without quotes. */
const BRACKETED_ADDRESS = /^[^#]*:\s*\[[0-9A-Fa-f:.]+\]:\d/;

/** Of other roles, and of the program itself. */
const OTHER_VARIABLES = new Set([
  'OPNI_CONFIG',
  'OPNI_GATEWAY',
  'OPNI_TOKEN',
  'OPNI_CA_PIN',
  'OPNI_CLUSTER_NAME',
  'OPNI_REMOTE_WRITE_LISTEN',
]);

/** Loaded with the first file: a start without one does not pay for it. */
function yamlParser(): typeof import('yaml') {
  return createRequire(import.meta.url)('yaml') as typeof import('yaml');
}

/** Reads the file; every leaf keeps its line. */
export function readFileValues(path: string, definitions: SettingDefinition[]): SourcedValues {
  const values = new Map<string, SourcedValue>();
  const findings: ConfigurationFinding[] = [];
  const name = basename(path);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path));
  } catch (error) {
    return { values, findings: [{ origin: path, message: `cannot be read: ${messageOf(error)}.` }] };
  }
  const { isMap, isScalar, isSeq, LineCounter, parseDocument } = yamlParser();
  const isNothing = (node: unknown): boolean =>
    node === null || node === undefined || (isScalar(node) && node.value === null);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  for (const problem of document.errors) {
    const { line } = lines.linePos(problem.pos[0]);
    const hint = BRACKETED_ADDRESS.test(text.split('\n')[line - 1] ?? '')
      ? ' Quote an address in brackets, e.g. "[::1]:8080": YAML takes the brackets for a list.'
      : '';
    findings.push({ origin: `${name}:${line}`, message: `${problem.message}.${hint}` });
  }
  if (findings.length > 0) return { values, findings };
  const byPath = new Map(definitions.map((definition) => [definition.path, definition]));
  const groups = new Set(definitions.flatMap(({ path: leaf }) => prefixesOf(leaf)));

  const visit = (map: YAMLMap, prefix: string): void => {
    for (const pair of map.items) {
      const key = isScalar(pair.key) ? pair.key : undefined;
      const setting = `${prefix}${String(key?.value)}`;
      const origin = `${name}:${lines.linePos(key?.range?.[0] ?? 0).line}`;
      const definition = byPath.get(setting);
      if (definition) readLeaf(definition, pair.value, origin);
      else if (groups.has(setting)) {
        if (isMap(pair.value)) visit(pair.value, `${setting}.`);
        else if (!isNothing(pair.value))
          findings.push({ setting, origin, message: 'must be a group of settings.' });
      } else findings.push({ setting, origin, message: unknownText(setting, [...byPath.keys(), ...groups]) });
    }
  };
  const readLeaf = (definition: SettingDefinition, node: unknown, origin: string): void => {
    const setting = definition.path;
    if (isNothing(node))
      findings.push({ setting, origin, message: 'has no value; give it one or remove the line.' });
    else if (isMap(node))
      findings.push({ setting, origin, message: 'must be a value, not a group of settings.' });
    else {
      const value = isScalar(node) ? node.value : isSeq(node) ? (node.toJSON() as unknown) : node;
      values.set(setting, { value: normalise(definition, value, dirname(resolve(path))), origin });
    }
  };
  if (isMap(document.contents)) visit(document.contents, '');
  else if (!isNothing(document.contents))
    findings.push({ origin: name, message: 'must hold settings, e.g. "listen: 127.0.0.1:8080".' });
  return { values, findings };
}

/** Reads the environment; a variable of ours that names no setting is refused, for a typo must not be silent. */
export function readEnvironmentValues(
  env: NodeJS.ProcessEnv,
  definitions: SettingDefinition[],
): SourcedValues {
  const values = new Map<string, SourcedValue>();
  const findings: ConfigurationFinding[] = [];
  const byVariable = new Map(definitions.map((definition) => [definition.variable, definition]));
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith('OPNI_') || text === undefined) continue;
    const definition = byVariable.get(variable);
    if (!definition) {
      if (OTHER_VARIABLES.has(variable) || isServiceLink(variable, text)) continue;
      const reserved = variable.startsWith('OPNI_AUTH_OIDC_');
      findings.push({
        origin: variable,
        message: reserved ? RESERVED_TEXT : unknownText(variable, byVariable.keys()),
      });
      continue;
    }
    if (text === '' && definition.kind !== 'list') continue;
    values.set(definition.path, { value: parse(definition, text), origin: variable });
  }
  return { values, findings };
}

const RESERVED_TEXT = 'is not built yet. Remove it, and set auth.mode to none or token.';

function unknownText(name: string, candidates: Iterable<string>): string {
  if (RESERVED.test(name)) return RESERVED_TEXT;
  const meant = nearest(name, candidates);
  return `is not a known setting.${meant ? ` Did you mean ${meant}?` : ' docs/configuration.md lists all of them.'}`;
}

/** What Kubernetes sets in every pod beside a Service named `opni…`: not meant for us. */
function isServiceLink(variable: string, text: string): boolean {
  return (
    /^OPNI(_[A-Z0-9_]+)?_SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)$/.test(variable) ||
    (/^OPNI(_[A-Z0-9_]+)?_PORT(_\d+_(TCP|UDP)(_(PROTO|PORT|ADDR))?)?$/.test(variable) &&
      (/^(tcp|udp):\/\//.test(text) || /_\d+_(TCP|UDP)_/.test(variable)))
  );
}

function parse({ kind }: SettingDefinition, text: string): unknown {
  if (kind === 'boolean') return text === 'true' ? true : text === 'false' ? false : text;
  if (kind === 'path') return resolve(text);
  if (kind === 'list') return items(text);
  return text;
}

/** `a, b` → `['a', 'b']`. */
function items(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function normalise({ kind }: SettingDefinition, value: unknown, directory: string): unknown {
  if (kind === 'path' && typeof value === 'string' && value !== '') return resolve(directory, value);
  if (kind === 'text' && typeof value === 'number') return String(value);
  if (kind === 'list' && typeof value === 'string') return items(value);
  return value;
}

function prefixesOf(path: string): string[] {
  const parts = path.split('.');
  return parts.slice(0, -1).map((_, index) => parts.slice(0, index + 1).join('.'));
}
