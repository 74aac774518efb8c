import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import {
  chmod,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { messageOf } from '../errors.js';
import { errnoOf } from '../files/file-error.js';
import { syncDirectory } from '../files/atomic-file.js';
import type { ComponentDefinition } from './component-definition.js';
import type { Platform } from './platform.js';

/** What `manifest.json` beside installed binaries says, so that a damaged one is not run. */
interface Manifest {
  version: string;
  origin: string;
  binaries: Record<string, { size: number; sha256: string }>;
}

/** A usable entry, a damaged one with the reason, or nothing. */
export type CacheEntry = { binaries: Record<string, string> } | { damage: string } | undefined;

const STAGING = '.staging-';

/**
 * Installed components of one component: `<dir>/<name>/<version>/<os>-<arch>/` holds its binaries and a manifest. An entry appears by one
 * rename, complete and durable; everything that is under way lives in `.staging-*` beside it.
 */
export class ComponentCache {
  readonly root: string;
  readonly entry: string;

  constructor(
    directory: string,
    private readonly definition: ComponentDefinition,
    platform: Platform,
  ) {
    this.root = join(directory, definition.name);
    this.entry = join(this.root, definition.version, `${platform.os}-${platform.arch}`);
  }

  /** Checks size and SHA-256 of every binary; the time of it is what reading the files takes. */
  async read(): Promise<CacheEntry> {
    let text: string;
    try {
      text = await readFile(join(this.entry, 'manifest.json'), 'utf8');
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === 'ENOENT' && !(await exists(this.entry))) return undefined;
      return errno === 'ENOTDIR'
        ? undefined
        : { damage: `its manifest cannot be read (${messageOf(error)})` };
    }
    const binaries: Record<string, string> = {};
    for (const { name } of this.definition.binaries) {
      const path = join(this.entry, name);
      const damage = await damageOf(path, text, name);
      if (damage !== undefined) return { damage: `${path} ${damage}` };
      binaries[name] = path;
    }
    return { binaries };
  }

  /** Makes the component's own directory, which is also what its lock is named after. */
  async prepare(): Promise<void> {
    await mkdir(this.root, { recursive: true, mode: 0o755 });
  }

  /** Removes what interrupted installations left. Only for the holder of the lock: nobody else is installing then. */
  async removeLeftovers(): Promise<void> {
    for (const name of await readdir(this.root)) {
      if (name.startsWith(STAGING)) await rm(join(this.root, name), { recursive: true, force: true });
    }
  }

  async withStaging<T>(work: (staging: string) => Promise<T>): Promise<T> {
    const staging = await mkdtemp(join(this.root, STAGING));
    try {
      return await work(staging);
    } finally {
      await rm(staging, { recursive: true, force: true, maxRetries: 3 });
    }
  }

  /** Puts the binaries of a staging directory in place of whatever the entry is now. */
  async install(staging: string, origin: string): Promise<Record<string, string>> {
    const complete = join(staging, 'complete');
    await mkdir(complete, { mode: 0o755 });
    const manifest: Manifest = { version: this.definition.version, origin, binaries: {} };
    const binaries: Record<string, string> = {};
    for (const { name } of this.definition.binaries) {
      const path = join(complete, name);
      await rename(join(staging, name), path);
      await chmod(path, 0o755);
      await syncFile(path);
      manifest.binaries[name] = { size: (await stat(path)).size, sha256: await sha256OfFile(path) };
      binaries[name] = join(this.entry, name);
    }
    const manifestFile = join(complete, 'manifest.json');
    await writeFile(manifestFile, `${JSON.stringify(manifest, undefined, 2)}\n`, { mode: 0o644 });
    await syncFile(manifestFile);
    await syncDirectory(complete);
    await mkdir(join(this.entry, '..'), { recursive: true, mode: 0o755 });
    if (await exists(this.entry)) await rename(this.entry, join(staging, 'replaced'));
    await rename(complete, this.entry);
    await syncDirectory(join(this.entry, '..'));
    await syncDirectory(this.root);
    return binaries;
  }
}

/** Lower-case hex. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), hash);
  return hash.digest('hex');
}

async function damageOf(path: string, manifestText: string, name: string): Promise<string | undefined> {
  try {
    const manifest = JSON.parse(manifestText) as Partial<Manifest> | null;
    const expected = manifest?.binaries?.[name];
    if (expected === undefined) return 'is not in its manifest';
    if ((await stat(path)).size !== expected.size) return 'has not the size it was installed with';
    return (await sha256OfFile(path)) === expected.sha256
      ? undefined
      : 'has not the content it was installed with';
  } catch (error) {
    return `cannot be checked (${messageOf(error)})`;
  }
}

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: unknown) => {
      if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return false;
      throw error;
    },
  );
}
