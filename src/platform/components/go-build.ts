import type { ComponentProgress } from './component-catalogue.js';
import type { ComponentDefinition } from './component-definition.js';
import { fillTemplate, type Platform } from './platform.js';
import { findOnPath } from './path-search.js';
import { runProgram } from './run-program.js';

const BUILD_DEADLINE_MS = 30 * 60_000;
const HEARTBEAT_MS = 3_000;

export interface GoBuildOptions {
  /** Of this process: Go is a build tool and gets all of it (`GOPROXY`, `GOFLAGS`, proxies, certificates). */
  env: NodeJS.ProcessEnv;
  platform: Platform;
  signal?: AbortSignal | undefined;
  report: (progress: ComponentProgress) => void;
}

/**
 * Builds a component's binaries from its pinned module (`go.mod` and `go.sum` decide every byte of source) into a directory.
 * @returns why that was not possible, or `undefined`
 * @throws the signal's reason when it is aborted
 */
export async function buildWithGo(
  definition: ComponentDefinition,
  target: string,
  options: GoBuildOptions,
): Promise<string | undefined> {
  const go = await findOnPath('go', options.env['PATH']);
  if (go === undefined) return 'there is no Go toolchain on PATH';
  const what = `${definition.name} ${definition.version}`;
  const started = performance.now();
  let last = '';
  const report = (): void => {
    const seconds = Math.round((performance.now() - started) / 1000);
    options.report({
      step: 'build',
      message: `building ${what} with ${go} (${seconds} s)${last === '' ? '' : `: ${last}`}`,
    });
  };
  report();
  const heartbeat = setInterval(report, HEARTBEAT_MS);
  try {
    const run = await runProgram(go, goArguments(definition, target), {
      cwd: definition.directory,
      env: goEnvironment(options.env, options.platform),
      deadline: BUILD_DEADLINE_MS,
      signal: options.signal,
      onLine: (line) => {
        last = line.slice(0, 200);
      },
    });
    return run.ok ? undefined : `go build failed: ${run.reason}${lastLines(run.output)}`;
  } finally {
    clearInterval(heartbeat);
  }
}

export function goArguments(definition: ComponentDefinition, target: string): string[] {
  const { tags, ldflags } = definition.build;
  return [
    'build',
    '-trimpath',
    '-mod=readonly',
    '-buildvcs=false',
    ...(tags.length === 0 ? [] : ['-tags', tags.join(',')]),
    '-ldflags',
    fillTemplate(ldflags, { version: definition.version }),
    '-o',
    `${target}/`,
    ...definition.binaries.map((binary) => binary.package),
  ];
}

/** Nothing around us may change what is built: no workspace above the module, no cross-compilation, no C compiler. */
function goEnvironment(env: NodeJS.ProcessEnv, platform: Platform): NodeJS.ProcessEnv {
  return { ...env, CGO_ENABLED: '0', GOWORK: 'off', GOOS: platform.os, GOARCH: platform.arch };
}

function lastLines(output: string): string {
  const lines = output.trim().split('\n').slice(-5).join('; ').slice(-600);
  return lines === '' ? '' : `: ${lines}`;
}
