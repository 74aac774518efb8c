import { join } from 'node:path';
import { basename } from 'node:path/posix';
import { extract } from 'tar';
import { messageOf } from '../errors.js';
import { findChecksum } from './checksums.js';
import type { ComponentProgress } from './component-catalogue.js';
import type { ComponentDefinition } from './component-definition.js';
import type { DownloadDeadlines } from './download-deadlines.js';
import { DownloadError, HttpDownload } from './http-download.js';
import type { Platform } from './platform.js';
import { displayUrl, releaseUrls } from './release-urls.js';

const SUMS_LIMIT = 1024 * 1024;
const ARCHIVE_LIMIT = 1024 * 1024 * 1024;
const REPORT_EVERY_MS = 1_000;

export interface ReleaseDownloadOptions {
  env: NodeJS.ProcessEnv;
  platform: Platform;
  mirror?: string | undefined;
  deadlines: DownloadDeadlines;
  signal?: AbortSignal | undefined;
  report: (progress: ComponentProgress) => void;
}

/**
 * Fetches the pinned release's archive, checks it against the release's own sums file, and only then unpacks the binaries into a directory.
 * @returns why that was not possible, or `undefined`
 * @throws the signal's reason when it is aborted
 */
export async function downloadRelease(
  definition: ComponentDefinition,
  target: string,
  options: ReleaseDownloadOptions,
): Promise<string | undefined> {
  const urls = releaseUrls(definition, options.platform, options.mirror);
  const http = new HttpDownload(options.env, options.deadlines);
  const archive = join(target, 'archive.tar.gz');
  try {
    options.report({ step: 'download', message: `asking ${displayUrl(urls.sumsUrl)} for checksums` });
    const expected = findChecksum(await http.text(urls.sumsUrl, SUMS_LIMIT, options.signal), urls.asset);
    if (expected === undefined) return `${displayUrl(urls.sumsUrl)} has no checksum of ${urls.asset}`;
    const actual = await http.file(urls.assetUrl, archive, {
      limit: ARCHIVE_LIMIT,
      signal: options.signal,
      onBytes: progressOf(displayUrl(urls.assetUrl), options.report),
    });
    options.report({ step: 'verify', message: `checking ${urls.asset}` });
    if (actual !== expected) {
      return (
        `${displayUrl(urls.assetUrl)} was refused: its SHA-256 is ${actual}, but the release's ` +
        `${definition.release.sums} says ${expected}`
      );
    }
  } catch (error) {
    if (error instanceof DownloadError) return error.message;
    throw error;
  } finally {
    await http.close();
  }
  return unpack(definition, archive, target);
}

/** Takes plain files with the names of the binaries, wherever the archive has them, and nothing else. */
async function unpack(
  definition: ComponentDefinition,
  archive: string,
  target: string,
): Promise<string | undefined> {
  const wanted = new Set(definition.binaries.map((binary) => binary.name));
  try {
    await extract({
      file: archive,
      cwd: target,
      strict: true,
      preserveOwner: false,
      filter: (path, entry) => 'type' in entry && entry.type === 'File' && wanted.has(basename(path)),
      onReadEntry: (entry) => {
        wanted.delete(basename(entry.path));
        entry.path = basename(entry.path);
      },
    });
  } catch (error) {
    return `the archive cannot be unpacked: ${messageOf(error)}`;
  }
  return wanted.size === 0 ? undefined : `the archive has no ${[...wanted].join(' and ')}`;
}

function progressOf(
  url: string,
  report: ReleaseDownloadOptions['report'],
): (got: number, all: number | undefined) => void {
  let reported = -Infinity;
  return (got, all) => {
    const now = performance.now();
    if (now - reported < REPORT_EVERY_MS) return;
    reported = now;
    const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
    report({
      step: 'download',
      message: `downloading ${url} (${megabytes(got)}${all ? ` of ${megabytes(all)}` : ''} MB)`,
      ...(all ? { fraction: Math.min(1, got / all) } : {}),
    });
  };
}
