import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import type { ComponentDefinition } from './component-definition.js';

/** The file of that name in the first directory of `PATH` that has it, as a shell would choose. */
export async function findOnPath(name: string, path: string | undefined): Promise<string | undefined> {
  for (const directory of directoriesOf(path)) {
    const file = join(directory, name);
    if (await isExecutable(file)) return file;
  }
  return undefined;
}

/**
 * Every place on `PATH` that has the component's main binary, with the other binaries from the same directory, else from
 * anywhere on `PATH`. `missing` names those that are nowhere.
 */
export async function candidatesOnPath(
  definition: ComponentDefinition,
  path: string | undefined,
): Promise<{ binaries: Record<string, string>; missing: string[] }[]> {
  const [main, ...others] = definition.binaries;
  const candidates = [];
  for (const directory of directoriesOf(path)) {
    const file = join(directory, main.name);
    if (!(await isExecutable(file))) continue;
    const binaries: Record<string, string> = { [main.name]: file };
    const missing: string[] = [];
    for (const { name } of others) {
      const beside = join(directory, name);
      const found = (await isExecutable(beside)) ? beside : await findOnPath(name, path);
      if (found === undefined) missing.push(name);
      else binaries[name] = found;
    }
    candidates.push({ binaries, missing });
  }
  return candidates;
}

/** What an explicit path means: the directory of the binaries, or the main binary with the others beside it. */
export async function binariesAt(
  definition: ComponentDefinition,
  path: string,
): Promise<{ binaries: Record<string, string> } | { problem: string }> {
  const absolute = resolve(path);
  const [main] = definition.binaries;
  const kind = await stat(absolute).catch(() => undefined);
  if (!kind) return { problem: `${absolute} does not exist` };
  const directory = kind.isDirectory() ? absolute : dirname(absolute);
  const binaries: Record<string, string> = {};
  for (const { name } of definition.binaries) {
    const file = name === main.name && !kind.isDirectory() ? absolute : join(directory, name);
    if (!(await isExecutable(file)))
      return { problem: `there is no executable ${basename(file)} in ${directory}` };
    binaries[name] = file;
  }
  return { binaries };
}

function directoriesOf(path: string | undefined): string[] {
  // Relative entries would run whatever stands in the working directory.
  return [...new Set((path ?? '').split(':').filter((directory) => isAbsolute(directory)))];
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}
