import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { open, readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, it, onTestFinished, type TestContext } from 'vitest';
import type { MemberStatus, MessagePage } from '../../src/alertmanager-companion/companion-api.js';
import { ALERTMANAGER_TIMEOUT_MS, alertmanagerBinaries } from '../support/alertmanager.js';
import { CompanionUnderTest, sha256 } from '../support/companion.js';
import { webhookBody } from '../support/companion-webhook.js';
import { tempDir } from '../support/temp-dir.js';

beforeAll(() => alertmanagerBinaries(), ALERTMANAGER_TIMEOUT_MS);

/** A companion on a real file system of 1 MB; skips where this user may not mount one. */
async function onSmallDisk(context: TestContext): Promise<CompanionUnderTest> {
  const dataDir = await tempDir();
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', dataDir]);
  if (mounted.status !== 0) context.skip('mounting a small file system takes root');
  onTestFinished(() => {
    spawnSync('umount', ['-l', dataDir]);
  });
  const companion = await CompanionUnderTest.prepare({ dataDir });
  await companion.start();
  await companion.startAlertmanager();
  return companion;
}

async function fill(directory: string): Promise<void> {
  const file = await open(join(directory, 'filler'), 'w');
  try {
    await file.writeFile(randomBytes(2 * 1024 * 1024));
  } catch (error) {
    expect(error).toMatchObject({ code: 'ENOSPC' });
  } finally {
    await file.close();
  }
}

it('a full disk is told, loses nothing, and is over when there is room', async (context) => {
  const companion = await onSmallDisk(context);
  const { dataDir } = companion.settings;
  const good = JSON.stringify({ route: { receiver: 'a' }, receivers: [{ name: 'a' }] });
  const next = JSON.stringify({ route: { receiver: 'b' }, receivers: [{ name: 'b' }] });
  expect((await companion.put(good)).status).toBe(200);
  const send = (name: string, padding = '') =>
    companion.call('POST', '/v1/webhook', { body: webhookBody([name], 'firing', padding) });
  expect((await send('before')).status).toBe(200);
  const file = await readFile(companion.alertmanagerYml);

  await fill(dataDir);
  expect((await send('large', 'x'.repeat(100_000))).status).toBe(507);
  const refused = await companion.put(next);
  expect([refused.status, refused.headers['retry-after']]).toEqual([507, '5']);
  expect(await readFile(companion.alertmanagerYml)).toEqual(file);
  const status = (await companion.call('GET', '/v1/status')).json<MemberStatus>();
  expect(status.config.sha256).toBe(sha256(good));

  await rm(join(dataDir, 'filler'));
  expect((await send('after')).status).toBe(200);
  await companion.kill('SIGKILL');
  await companion.start();
  const { items } = (await companion.call('GET', '/v1/messages')).json<MessagePage>();
  expect(items.map((item) => item.fingerprint)).toEqual(['before', 'after']);
  expect((await companion.put(next)).status).toBe(200);
  expect((await readdir(dataDir)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
});
