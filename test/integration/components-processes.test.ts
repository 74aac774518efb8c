import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { tempDir } from '../support/temp-dir.js';
import { PINNED, releaseArchive, startMirror } from './components-mirror.js';
import { startResolving } from './components-process.js';

describe('two processes that need a component at once', () => {
  it('download it once: one works, the other waits, says so, and uses the same programs', async () => {
    const archive = await releaseArchive(await tempDir(), PINNED);
    const mirror = await startMirror(archive);
    let finish: (() => void) | undefined;
    mirror.archive = (response) => {
      response.writeHead(200, { 'content-length': archive.length }).write(archive.subarray(0, 50));
      finish = () => response.end(archive.subarray(50));
    };
    const options = { cacheDir: join(await tempDir(), 'cache'), mirror: mirror.url, env: { PATH: '' } };
    const processes = [startResolving(options), startResolving(options)];

    await eventually('one downloads while the other waits', () => {
      const steps = processes.map(({ progress }) => progress.at(-1)?.step);
      return finish !== undefined && steps.includes('download') && steps.includes('wait');
    });
    finish?.();

    const found = await Promise.all(processes.map(({ result }) => result));
    expect(found.map(({ component }) => component?.origin ?? 'none').sort()).toEqual(['cache', 'download']);
    expect(found[0]?.component?.binaries).toEqual(found[1]?.component?.binaries);
    expect(mirror.requests).toHaveLength(2);
  });
});
