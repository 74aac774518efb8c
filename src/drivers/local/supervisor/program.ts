import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import type { ProcessSpec } from '../supervised-process.js';
import { DomainError } from '../../../platform/errors.js';

/** Set in every child (and inherited by its children): whose it is and which program, so that it is found without a record. */
export const MARKER_VARIABLE = 'OPNI_PROCESS';

/** What a child may inherit from the gateway; everything else, secrets of a shell or a CI above all, stays out. */
export const INHERITED_VARIABLES = ['PATH', 'HOME', 'TZ', 'LANG', 'LC_ALL', 'TMPDIR'] as const;

export interface Marker {
  /** Identifies the state directory, hence the gateway. */
  scope: string;
  name: string;
  /** `programHash` of the spec it was started from. */
  program: string;
}

/** Names become file names and parts of markers. */
const NAME = /^[a-z0-9](?:[a-z0-9._-]{0,98}[a-z0-9])?$/;

/** @throws DomainError `process-name-invalid` */
export function checkProcessName(name: string): void {
  if (NAME.test(name)) return;
  throw new DomainError({
    category: 'internal',
    code: 'process-name-invalid',
    detail: `"${name}" cannot name a process. Use 1 to 100 of a-z, 0-9, ".", "_" and "-", starting and ending with a letter or digit.`,
  });
}

/** Stays the same over restarts of the gateway; differs between state directories. The directory must exist. */
export function scopeOf(stateDir: string): string {
  return digest(realpathSync(stateDir));
}

/** Two specs with the same hash are the same program. */
export function programHash(spec: Pick<ProcessSpec, 'command' | 'args' | 'cwd' | 'env'>): string {
  const env = Object.entries(spec.env).sort(([a], [b]) => (a < b ? -1 : 1));
  return digest(JSON.stringify([spec.command, spec.args, spec.cwd, env]));
}

export function formatMarker({ scope, name, program }: Marker): string {
  return `${scope}/${name}/${program}`;
}

export function parseMarker(text: string): Marker | null {
  const [scope, name, program, ...rest] = text.split('/');
  if (!scope || !name || !program || rest.length > 0 || !NAME.test(name)) return null;
  return { scope, name, program };
}

/** The whole environment of a child: allow-listed variables, then the spec's own, then the marker. */
export function childEnvironment(
  inherited: Readonly<Record<string, string | undefined>>,
  own: Readonly<Record<string, string>>,
  marker: Marker,
): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const name of INHERITED_VARIABLES) {
    const value = inherited[name];
    if (value !== undefined) environment[name] = value;
  }
  return { ...environment, ...own, [MARKER_VARIABLE]: formatMarker(marker) };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
