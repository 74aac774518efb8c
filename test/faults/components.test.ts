import { mkdir, readdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { FileComponentCatalogue } from '../../src/platform/components/file-component-catalogue.js';
import { findOnPath } from '../../src/platform/components/path-search.js';
import { DEAD_MIRROR } from '../integration/components-house.js';
import { PINNED, releaseArchive, startMirror, sumsOf } from '../integration/components-mirror.js';
import { startResolving } from '../integration/components-process.js';
import { alertmanagerBinaries, ALERTMANAGER_TIMEOUT_MS } from '../support/alertmanager.js';
import { eventually } from '../support/eventually.js';
import { tempDir } from '../support/temp-dir.js';

const go = await findOnPath('go', process.env['PATH']);

/** This process's environment with nothing but Go on `PATH`. */
async function onlyGo(): Promise<NodeJS.ProcessEnv> {
  const bin = join(await tempDir(), 'bin');
  await mkdir(bin);
  await symlink(go ?? '', join(bin, 'go'));
  return { ...process.env, PATH: bin };
}

/** Live processes with their process group (proc(5): after the name in parentheses come state, parent and group). */
async function liveProcesses(): Promise<{ group: string; command: string }[]> {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const read = (id: string, file: string): Promise<string> =>
    readFile(`/proc/${id}/${file}`, 'utf8').catch(() => '');
  return Promise.all(
    ids.map(async (id) => ({
      group: (await read(id, 'stat')).split(') ').at(-1)?.split(' ')[2] ?? '',
      command: (await read(id, 'cmdline')).replaceAll('\0', ' '),
    })),
  );
}

describe('kill -9 in the middle of a download', () => {
  it('leaves nothing that is taken for a program, no lock, and no leftovers for the next one', async () => {
    const archive = await releaseArchive(await tempDir(), PINNED);
    const mirror = await startMirror(archive);
    const cacheDir = join(await tempDir(), 'cache');
    const options = { cacheDir, mirror: mirror.url, env: { PATH: '' } };
    let begun = false;
    mirror.archive = (response) => {
      response
        .writeHead(200, { 'content-length': archive.length })
        .write(archive.subarray(0, archive.length - 1));
      begun = true;
    };
    const first = startResolving(options);
    const second = startResolving(options);
    const staging = async (): Promise<string[]> =>
      (await readdir(join(cacheDir, 'alertmanager'))).filter((name) => name.startsWith('.staging-'));
    const [holder, waiter] = await eventually('one downloads while the other waits', async () => {
      if (!begun || (await staging()).length !== 1) return undefined;
      if (second.progress.some(({ step }) => step === 'wait')) return [first, second];
      return first.progress.some(({ step }) => step === 'wait') ? [second, first] : undefined;
    });

    mirror.archive = archive;
    holder.process.kill('SIGKILL');
    expect(await holder.result).toEqual({});

    // The one that waited takes over without anybody's help.
    expect(await waiter.result).toMatchObject({ component: { origin: 'download', version: PINNED } });
    expect(await readdir(join(cacheDir, 'alertmanager'))).toEqual([PINNED]);
    expect(await startResolving(options).result).toMatchObject({ component: { origin: 'cache' } });
  });
});

describe.skipIf(go === undefined)('the build with Go (skipped where there is none)', () => {
  // Warms Go's own caches on a machine that got its programs by download.
  beforeAll(async () => {
    await alertmanagerBinaries();
  }, ALERTMANAGER_TIMEOUT_MS);

  it(
    'follows a release that was refused, and gives the pinned version',
    async () => {
      const mirror = await startMirror(await releaseArchive(await tempDir(), PINNED));
      mirror.sums = sumsOf(Buffer.from('another archive'));
      const messages: string[] = [];
      const catalogue = new FileComponentCatalogue({
        cacheDir: join(await tempDir(), 'cache'),
        mirror: mirror.url,
        env: await onlyGo(),
      });
      const found = await catalogue.resolve('alertmanager', {
        onProgress: ({ message }) => messages.push(message),
      });
      expect(found).toMatchObject({ origin: 'build', version: PINNED });
      expect(messages.join('\n')).toMatch(
        /was refused: its SHA-256 is [\s\S]*building alertmanager 0\.31\.1/,
      );
    },
    ALERTMANAGER_TIMEOUT_MS,
  );

  it('ends with everything it started when it is aborted', async () => {
    const cacheDir = join(await tempDir(), 'cache');
    const catalogue = new FileComponentCatalogue({ cacheDir, mirror: DEAD_MIRROR, env: await onlyGo() });
    const abort = new AbortController();
    const resolving = catalogue
      .resolve('alertmanager', { signal: abort.signal })
      .catch((error: unknown) => error);
    const group = await eventually('go has started a tool of its own', async () => {
      const all = await liveProcesses();
      const leader = all.find(({ command }) => command.includes(cacheDir));
      return all.filter((process) => process.group === leader?.group).length > 1 && leader?.group;
    });
    abort.abort(new Error('shutting down'));
    expect(await resolving).toMatchObject({ message: 'shutting down' });
    await eventually('nothing of its process group is left', async () => {
      return (await liveProcesses()).every((process) => process.group !== group || process.command === '');
    });
    await eventually(
      'no file is left',
      async () => (await readdir(join(cacheDir, 'alertmanager'))).length === 0,
    );
  });

  it('that fails is told with the words of Go', async () => {
    const catalogue = new FileComponentCatalogue({
      cacheDir: join(await tempDir(), 'cache'),
      mirror: DEAD_MIRROR,
      env: { ...(await onlyGo()), GOMODCACHE: join(await tempDir(), 'none'), GOPROXY: 'off' },
    });
    await expect(catalogue.resolve('alertmanager')).rejects.toThrow(
      /go build failed: .*exit code 1.*GOPROXY=off/,
    );
  });
});
