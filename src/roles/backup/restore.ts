import { mkdir, mkdtemp, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { loadSettings } from '../../platform/configuration/load-settings.js';
import { DomainError } from '../../platform/errors.js';
import { readTextFile, syncDirectory, writeFileAtomic } from '../../platform/files/atomic-file.js';
import { fileError } from '../../platform/files/file-error.js';
import { lockDataDirectory, RESTORE_MARKER } from '../../platform/store/data-directory.js';
import { checkStoreFile } from '../../platform/store/sqlite/store-file.js';
import { readBackupFile } from './backup-file.js';
import { STORE_FILE, type BackupManifest } from './backup-manifest.js';
import { keyIdsOf } from './key-ids.js';
import { processesBelow } from './left-processes.js';

export interface RestoreOptions {
  dataDir: string;
  keyFile: string;
  /** Move aside what is in the data directory. */
  force: boolean;
}

export interface Restored {
  manifest: BackupManifest;
  /** Where what was there before is now; `null` when there was nothing. */
  movedTo: string | null;
}

const STAGING = '.restoring-';
const ASIDE = 'before-restore-';
/** What belongs to this installation and not to its state: they stay where they are. */
const STAYS = /^(gateway\.lock.*|admin-token|secrets\.key|lost\+found|before-restore-.*|restore-unfinished)$/;

/** `opni restore FILE`. */
export async function runRestore(file: string, options: { config?: string; force?: boolean }): Promise<void> {
  const { dataDir, secrets } = loadSettings({
    ...(options.config === undefined ? {} : { configFile: options.config }),
    env: process.env,
  });
  const keyFile = secrets.keyFile ?? join(dataDir, 'secrets.key');
  const { manifest, movedTo } = await restore(file, { dataDir, keyFile, force: options.force ?? false });
  const aside = movedTo === null ? '' : ` What was there before is in ${movedTo}.`;
  process.stdout.write(
    `Restored ${dataDir} as it was at ${manifest.createdAt} (change ${manifest.store.sequence}).${aside} Start the gateway now.\n`,
  );
}

/**
 * Puts a backup into a data directory that nobody uses. Everything is checked before anything is touched: the whole
 * backup, its store, and that the key file has the keys that it needs. Interrupted, it leaves the directory as it was, or
 * marked so that no gateway starts on it until the restore is run again.
 *
 * @throws DomainError `backup-damaged`, `backup-unknown`, `backup-newer`, `restore-key-missing`, `data-directory-in-use`,
 * `data-directory-not-empty`, `processes-left`, refusals of the store, and those of `fileError`
 */
export async function restore(file: string, options: RestoreOptions): Promise<Restored> {
  const { keyFile, force } = options;
  const manifest = await readBackupFile(file);
  await requireKeys(file, manifest.keyIds, keyFile);
  const lock = lockDataDirectory(options.dataDir, { forRestore: true });
  const { directory } = lock;
  try {
    const entries = await readdir(directory);
    for (const name of entries.filter((one) => one.startsWith(STAGING))) {
      await rm(join(directory, name), { recursive: true, force: true });
    }
    const isUnfinished = entries.includes(RESTORE_MARKER);
    const inTheWay = entries.filter((name) => !name.startsWith(STAGING) && !stays(name, directory, keyFile));
    if (inTheWay.length > 0 && !force && !isUnfinished) throw notEmpty(directory);
    refuseLeftProcesses(directory);

    const staging = await extract(file, directory);
    const movedTo = await moveAside(directory, inTheWay, isUnfinished);
    // The store last: the rest is nothing without it.
    const restored = (await readdir(staging)).toSorted(
      (a, b) => Number(a === STORE_FILE) - Number(b === STORE_FILE),
    );
    for (const name of restored) await rename(join(staging, name), join(directory, name));
    await syncDirectory(directory);
    await rm(staging, { recursive: true });
    await rm(join(directory, RESTORE_MARKER));
    await syncDirectory(directory);
    return { manifest, movedTo };
  } catch (error) {
    throw fileError(error, 'restore', directory);
  } finally {
    lock.release();
  }
}

async function requireKeys(file: string, needed: string[], keyFile: string): Promise<void> {
  const present = await keyIdsOf(keyFile);
  const missing = needed.filter((id) => !present?.has(id));
  if (missing.length === 0) return;
  const found =
    present === undefined ? `${keyFile} does not exist` : `${keyFile} holds only ${[...present].join(', ')}`;
  throw new DomainError({
    category: 'unavailable',
    code: 'restore-key-missing',
    detail:
      `The backup ${file} holds secrets that are sealed with the key ${missing.join(', ')}, but ${found}. ` +
      'Put the key file that belongs to the backup there, or point secrets.keyFile (OPNI_SECRETS_KEY_FILE) to it. Nothing was changed.',
    extensions: { keyIds: missing },
  });
}

function stays(name: string, directory: string, keyFile: string): boolean {
  return STAYS.test(name) || relative(directory, resolve(keyFile)).split(sep)[0] === name;
}

function notEmpty(directory: string): DomainError {
  return new DomainError({
    category: 'conflict',
    code: 'data-directory-not-empty',
    detail: `The data directory ${directory} is not empty. Name another one, or let --force move aside what is there.`,
  });
}

function refuseLeftProcesses(directory: string): void {
  const pids = processesBelow(join(directory, 'local'));
  if (pids.length === 0) return;
  throw new DomainError({
    category: 'conflict',
    code: 'processes-left',
    detail: `A gateway that was killed has left processes running on ${directory} (${pids.join(', ')}). Start it and stop it again, or end them. Nothing was changed.`,
  });
}

/** The backup's files in a new directory below `directory`, durable, the store checked. */
async function extract(file: string, directory: string): Promise<string> {
  const staging = await mkdtemp(join(directory, STAGING));
  try {
    const directories = new Set([staging]);
    const { files } = await readBackupFile(file, async ({ path }, chunk) => {
      const target = join(staging, path);
      for (let one = dirname(target); !directories.has(one); one = dirname(one)) directories.add(one);
      await mkdir(dirname(target), { recursive: true, mode: 0o700 });
      const handle = await open(target, 'a', 0o600);
      try {
        await handle.writeFile(chunk);
      } finally {
        await handle.close();
      }
    });
    checkStoreFile(join(staging, STORE_FILE));
    for (const { path } of files) {
      const handle = await open(join(staging, path), 'r');
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
    }
    for (const one of directories) await syncDirectory(one);
    return staging;
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    throw error;
  }
}

/**
 * From here on the directory is no whole, and marked so. The marker names where its old content goes, so that a restore
 * that is run again brings the rest of it there, and tells it from what the interrupted one has put in its place.
 */
async function moveAside(directory: string, names: string[], isUnfinished: boolean): Promise<string | null> {
  const marker = join(directory, RESTORE_MARKER);
  const earlier = isUnfinished ? ((await readTextFile(marker)) ?? '') : '';
  const isKnown = earlier.startsWith(ASIDE) && basename(earlier) === earlier;
  if (names.length === 0 && !isKnown) {
    await writeFileAtomic(marker, '');
    return null;
  }
  const stamp = new Date().toISOString().replaceAll(':', '-');
  const aside = isKnown ? join(directory, earlier) : await mkdtemp(join(directory, `${ASIDE}${stamp}-`));
  await writeFileAtomic(marker, basename(aside));
  const saved = new Set(await readdir(aside));
  for (const name of names) {
    if (saved.has(name)) await rm(join(directory, name), { recursive: true });
    else await rename(join(directory, name), join(aside, name));
  }
  await syncDirectory(aside);
  return aside;
}
