import { link, lstat, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { loadSettings } from '../../platform/configuration/load-settings.js';
import { DomainError } from '../../platform/errors.js';
import { syncDirectory, temporaryName } from '../../platform/files/atomic-file.js';
import { errnoOf, fileError } from '../../platform/files/file-error.js';
import { snapshotStore } from '../../platform/store/sqlite/store-backup.js';
import { VERSION } from '../../platform/version.js';
import { describeSource, writeBackupFile, type BackupSource } from './backup-file.js';
import { isBackupPath, STORE_FILE, TLS_DIRECTORY, type BackupManifest } from './backup-manifest.js';
import { collectKeyIds, keyIdsOf } from './key-ids.js';

export interface BackupOptions {
  dataDir: string;
  keyFile: string;
  /** Replace a file of that name. */
  force: boolean;
}

/** How often the certificates are read until two readings agree. */
const MAX_READINGS = 20;

/** `opni backup FILE`. */
export async function runBackup(
  target: string,
  options: { config?: string; force?: boolean },
): Promise<void> {
  const { dataDir, secrets } = loadSettings({
    ...(options.config === undefined ? {} : { configFile: options.config }),
    env: process.env,
  });
  const keyFile = secrets.keyFile ?? join(dataDir, 'secrets.key');
  const { keyIds, store } = await backUp(target, { dataDir, keyFile, force: options.force ?? false });
  const keys =
    keyIds.length === 0
      ? 'Nothing in it is sealed.'
      : `To restore it, the key ${keyIds.join(', ')} is needed; it is in ${keyFile}, and not in the backup.`;
  process.stdout.write(`Wrote ${target} with everything up to change ${store.sequence}. ${keys}\n`);
}

/**
 * Writes all that a gateway cannot make anew to one file, while it runs or not: its store and its certificate
 * authorities. The file appears whole or not at all.
 *
 * @throws DomainError `backup-exists` (conflict), `store-missing` and the other refusals of a store, `storage-full`,
 * `disk-full` and those of `fileError`
 */
export async function backUp(target: string, options: BackupOptions): Promise<BackupManifest> {
  const { dataDir, keyFile, force } = options;
  const path = resolve(target);
  await refuseExisting(path, force);
  const draft = temporaryName(path);
  const snapshot = temporaryName(path);
  try {
    const keyIds = new Set<string>();
    const onText = (text: string): void => collectKeyIds(text, keyIds);
    const store = snapshotStore(join(dataDir, STORE_FILE), snapshot, onText);
    const certificates = await readCertificates(join(dataDir, TLS_DIRECTORY));
    for (const content of certificates.values()) onText(content.toString('utf8'));
    const known = await keyIdsOf(keyFile);
    const sources: BackupSource[] = [
      { path: STORE_FILE, content: { file: snapshot } },
      ...[...certificates].map(([name, content]) => ({ path: `${TLS_DIRECTORY}/${name}`, content })),
    ];
    const manifest: BackupManifest = {
      opni: VERSION,
      createdAt: new Date().toISOString(),
      store,
      // What no key of the gateway opens is no secret of its: any text may look like one.
      keyIds: [...keyIds].filter((id) => known?.has(id) ?? true).toSorted(),
      files: await Promise.all(sources.map(describeSource)),
    };
    await writeBackupFile(draft, manifest, sources);
    await publish(draft, path, force);
    await syncDirectory(dirname(path));
    return manifest;
  } catch (error) {
    throw fileError(error, 'write the backup', path);
  } finally {
    for (const leftover of [draft, snapshot, `${snapshot}-journal`]) await rm(leftover, { force: true });
  }
}

async function publish(draft: string, path: string, force: boolean): Promise<void> {
  if (force) return rename(draft, path);
  try {
    await link(draft, path);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') throw exists(path);
    // Some file systems have no links.
    if (!['EPERM', 'ENOTSUP', 'ENOSYS', 'EMLINK'].includes(errnoOf(error) ?? '')) throw error;
    await refuseExisting(path, force);
    await rename(draft, path);
  }
}

async function refuseExisting(path: string, force: boolean): Promise<void> {
  const found = await lstat(path).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw fileError(error, 'write the backup', path);
  });
  if (found?.isDirectory()) {
    throw fileError(Object.assign(new Error('a directory'), { code: 'EISDIR' }), 'write the backup', path);
  }
  if (found && !force) throw exists(path);
}

function exists(path: string): DomainError {
  return new DomainError({
    category: 'conflict',
    code: 'backup-exists',
    detail: `There is already a file ${path}. Choose another name, or replace it with --force.`,
  });
}

/** By path below `directory`; as they were together at one moment. */
async function readCertificates(directory: string): Promise<Map<string, Buffer>> {
  let before = await readAll(directory);
  for (let reading = 1; reading < MAX_READINGS; reading++) {
    const after = await readAll(directory);
    if (isSame(before, after)) return after;
    before = after;
  }
  throw new DomainError({
    category: 'conflict',
    code: 'certificates-changing',
    detail: `The files in ${directory} change all the time. Find out what writes there, then try again.`,
  });
}

async function readAll(directory: string): Promise<Map<string, Buffer>> {
  const contents = new Map<string, Buffer>();
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(
    (error: unknown) => {
      if (errnoOf(error) === 'ENOENT') return [];
      throw fileError(error, 'read', directory);
    },
  );
  for (const entry of entries) {
    const file = join(entry.parentPath, entry.name);
    const name = file.slice(directory.length + 1);
    // Others are half-written ones.
    if (!entry.isFile() || !isBackupPath(`${TLS_DIRECTORY}/${name}`)) continue;
    try {
      contents.set(name, await readFile(file));
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw fileError(error, 'read', file);
    }
  }
  return new Map([...contents].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function isSame(a: Map<string, Buffer>, b: Map<string, Buffer>): boolean {
  return a.size === b.size && [...a].every(([name, content]) => b.get(name)?.equals(content));
}
