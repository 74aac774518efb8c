import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type {
  ComponentProgress,
  ResolvedComponent,
} from '../../src/platform/components/component-catalogue.js';
import type { FileComponentCatalogueOptions } from '../../src/platform/components/file-component-catalogue.js';

const FIXTURE = fileURLToPath(new URL('./components-resolve.fixture.mjs', import.meta.url));

export interface ResolvingProcess {
  process: ChildProcess;
  progress: ComponentProgress[];
  /** When it ends: what it printed last. */
  result: Promise<{ component?: ResolvedComponent; error?: string }>;
}

/** Starts a process of its own (from `dist/`) that resolves alertmanager. */
export function startResolving(options: FileComponentCatalogueOptions): ResolvingProcess {
  const child = spawn(process.execPath, [FIXTURE, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const progress: ComponentProgress[] = [];
  let rest = '';
  let last: { component?: ResolvedComponent; error?: string } = {};
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const printed = JSON.parse(line) as typeof last & { progress?: ComponentProgress };
      if (printed.progress) progress.push(printed.progress);
      else last = printed;
    }
  });
  return {
    process: child,
    progress,
    result: new Promise((resolve) => child.once('close', () => resolve(last))),
  };
}
