import type { ComponentDefinition } from './component-definition.js';
import { runProgram } from './run-program.js';

const PROBE_DEADLINE_MS = 10_000;

/** Either the version that a component's binaries agree on, or why they cannot be used. */
export type Probe = { version: string } | { problem: string };

/**
 * Asks every binary of a component for its version, on either output stream. They belong together only when they tell the same one:
 * a checker of another version accepts what the server refuses.
 * @throws the signal's reason when it is aborted
 */
export async function probeVersions(
  definition: ComponentDefinition,
  binaries: Record<string, string>,
  signal?: AbortSignal,
): Promise<Probe> {
  let agreed: { path: string; version: string } | undefined;
  for (const path of Object.values(binaries)) {
    const run = await runProgram(path, definition.probe.arguments, {
      deadline: PROBE_DEADLINE_MS,
      env: {},
      signal,
    });
    const command = [path, ...definition.probe.arguments].join(' ');
    if (!run.ok) return { problem: `${command} told no version: ${run.reason}` };
    const version = definition.probe.pattern.exec(run.output)?.[1];
    if (version === undefined) return { problem: `${command} told no version` };
    if (agreed !== undefined && agreed.version !== version) {
      return { problem: `${agreed.path} is ${agreed.version}, but ${path} is ${version}` };
    }
    agreed ??= { path, version };
  }
  return agreed === undefined ? { problem: 'it has no binaries' } : { version: agreed.version };
}
