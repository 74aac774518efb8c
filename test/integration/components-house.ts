import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type {
  ComponentProgress,
  ResolvedComponent,
} from '../../src/platform/components/component-catalogue.js';
import {
  FileComponentCatalogue,
  type FileComponentCatalogueOptions,
} from '../../src/platform/components/file-component-catalogue.js';
import { currentPlatform } from '../../src/platform/components/platform.js';
import { tempDir } from '../support/temp-dir.js';
import { type Mirror, PINNED, releaseArchive, startMirror } from './components-mirror.js';

/** Refuses connections at once: nothing listens on the discard port of loopback. */
export const DEAD_MIRROR = 'http://127.0.0.1:9';

/** A cache of its own and a mirror to fill it from. */
export interface House {
  cacheDir: string;
  mirror: Mirror;
  messages: string[];
  steps: Set<ComponentProgress['step']>;
  /** A new catalogue, as a new process would have it; without a toolchain on `PATH` unless told otherwise. */
  resolve: (options?: Partial<FileComponentCatalogueOptions>) => Promise<ResolvedComponent>;
  /** What `resolve` failed with. */
  failure: (options?: Partial<FileComponentCatalogueOptions>) => Promise<{ code: string; message: string }>;
  /** Everything below the component's folder of the cache. */
  cached: () => Promise<string[]>;
}

export async function house(): Promise<House> {
  const cacheDir = join(await tempDir(), 'cache');
  const mirror = await startMirror(await releaseArchive(await tempDir(), PINNED));
  const messages: string[] = [];
  const steps = new Set<ComponentProgress['step']>();
  const resolve: House['resolve'] = (options) =>
    new FileComponentCatalogue({ cacheDir, mirror: mirror.url, env: { PATH: '' }, ...options }).resolve(
      'alertmanager',
      {
        onProgress: ({ step, message }) => {
          steps.add(step);
          messages.push(message);
        },
      },
    );
  return {
    cacheDir,
    mirror,
    messages,
    steps,
    resolve,
    failure: (options) =>
      resolve(options).then(
        ({ origin }) => expect.unreachable(`it was found: ${origin}`),
        (error: unknown) => error as { code: string; message: string },
      ),
    cached: async () => {
      const folder = join(cacheDir, 'alertmanager');
      return existsSync(folder) ? (await readdir(folder, { recursive: true })).sort() : [];
    },
  };
}

export const platform = `${currentPlatform().os}-${currentPlatform().arch}`;
/** What the cache holds when one version is installed and nothing else is left. */
export const INSTALLED = [
  PINNED,
  `${PINNED}/${platform}`,
  `${PINNED}/${platform}/alertmanager`,
  `${PINNED}/${platform}/amtool`,
  `${PINNED}/${platform}/manifest.json`,
];
