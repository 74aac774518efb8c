import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  EMBEDDED_RECEIVER,
  EMBEDDED_URL_PLACEHOLDER,
  type ConfigAcknowledgement,
  type ConfigCheck,
  type ConfigRefusal,
  type MemberStatus,
} from '../../src/alertmanager-companion/companion-api.js';
import { ALERTMANAGER_TIMEOUT_MS, alertmanagerBinaries } from '../support/alertmanager.js';
import { CompanionUnderTest, sha256 } from '../support/companion.js';
import { eventually } from '../support/eventually.js';

function config(extra: Record<string, unknown> = {}, receivers: unknown[] = []): Record<string, unknown> {
  return {
    route: { receiver: EMBEDDED_RECEIVER, group_wait: '0s', ...extra },
    receivers: [
      { name: EMBEDDED_RECEIVER, webhook_configs: [{ url: EMBEDDED_URL_PLACEHOLDER }] },
      ...receivers,
    ],
  };
}

async function statusOf(companion: CompanionUnderTest): Promise<MemberStatus> {
  return (await companion.call('GET', '/v1/status')).json<MemberStatus>();
}

beforeAll(() => alertmanagerBinaries(), ALERTMANAGER_TIMEOUT_MS);

describe('the syncer', () => {
  it('starts Alertmanager with a default configuration that says so', async () => {
    const companion = await CompanionUnderTest.start();
    const status = await statusOf(companion);
    expect(status).toMatchObject({
      name: 'controller-0',
      alertmanager: { reachable: true, peers: 1, clusterStatus: 'disabled', error: null },
      config: { sha256: null, appliedAt: null, refused: null },
    });
    expect(status.config.error).toMatch(/No configuration/);
  });

  it('makes Alertmanager run what it is sent, once', async () => {
    const companion = await CompanionUnderTest.start();
    const text = JSON.stringify(config({ group_interval: '7m' }));
    const first = await companion.put(text);
    expect(first.status).toBe(200);
    expect(first.json()).toMatchObject({ sha256: sha256(text), changed: true });
    const running = await companion.call('GET', '/api/v2/status');
    expect(running.json<{ config: { original: string } }>().config.original).toContain('group_interval: 7m');

    const before = await stat(companion.alertmanagerYml, { bigint: true });
    expect(before.mode & 0o777n).toBe(0o600n);
    const reloads = await reloadsOf(companion);
    const second = await companion.put(text);
    expect(second.json<ConfigAcknowledgement>()).toEqual({ ...first.json(), changed: false });
    const after = await stat(companion.alertmanagerYml, { bigint: true });
    expect([after.mtimeNs, after.ino]).toEqual([before.mtimeNs, before.ino]);
    expect(await reloadsOf(companion)).toBe(reloads);

    const status = await statusOf(companion);
    expect(status.config).toEqual({
      sha256: sha256(text),
      appliedAt: first.json<ConfigAcknowledgement>().appliedAt,
      error: null,
      refused: null,
    });
  });

  it('keeps the last good configuration when the check refuses one, and hides its secrets', async () => {
    const companion = await CompanionUnderTest.start();
    const good = JSON.stringify(config());
    await companion.put(good);
    const before = await readFile(companion.alertmanagerYml);
    const bad = JSON.stringify(
      config({ routes: [{ receiver: 'missing' }] }, [
        { name: 'x', webhook_configs: [{ url: 'https://hooks.example.org/T0PSECRET' }] },
      ]),
    );
    const answer = await companion.put(bad);
    expect(answer.status).toBe(422);
    expect(answer.json<ConfigRefusal>()).toMatchObject({
      code: 'refused-by-check',
      reason: expect.stringContaining('missing'),
    });
    const leaking = await companion.put(
      config({}, [{ name: 'x', webhook_configs: [{ url: 'ftp-T0PSECRET://host/T0PSECRET' }] }]),
    );
    expect(leaking.status).toBe(422);
    expect(leaking.text + companion.output).not.toContain('T0PSECRET');
    expect(await readFile(companion.alertmanagerYml)).toEqual(before);
    const { config: now } = await statusOf(companion);
    expect(now.sha256).toBe(sha256(good));
    expect(now.refused).toMatchObject({ reason: leaking.json<ConfigRefusal>().reason });
    // The next accepted one clears it.
    await companion.put(config({ group_interval: '9m' }));
    expect((await statusOf(companion)).config.refused).toBeNull();
  });

  it('keeps the last good configuration when only Alertmanager refuses one', async () => {
    const companion = await CompanionUnderTest.start();
    const good = JSON.stringify(config());
    await companion.put(good);
    // amtool does not load key files; Alertmanager does.
    const http_config = { tls_config: { ca_file: '/nowhere/ca.crt' } };
    const answer = await companion.put(
      config({ routes: [{ receiver: 'x' }] }, [
        { name: 'x', webhook_configs: [{ url: 'https://a.example', http_config }] },
      ]),
    );
    expect(answer.status).toBe(422);
    expect(answer.json<ConfigRefusal>().code).toBe('refused-by-alertmanager');
    expect((await statusOf(companion)).config.sha256).toBe(sha256(good));
  });

  it.each([
    [
      'a null child route',
      { route: { receiver: EMBEDDED_RECEIVER, routes: [null] }, receivers: [{ name: EMBEDDED_RECEIVER }] },
    ],
    ['a null webhook', { route: { receiver: 'a' }, receivers: [{ name: 'a', webhook_configs: [null] }] }],
    ['a null receiver', { route: { receiver: 'a' }, receivers: [{ name: 'a' }, null] }],
    ['a null inhibit rule', { route: { receiver: 'a' }, receivers: [{ name: 'a' }], inhibit_rules: [null] }],
  ])('refuses %s without harm to Alertmanager', async (_name, body) => {
    const companion = await CompanionUnderTest.start();
    const answer = await companion.put(body);
    expect(answer.status).toBe(422);
    expect(answer.json()).toMatchObject({ code: 'malformed', reason: expect.stringContaining('null') });
    expect(companion.alertmanagerRuns).toBe(true);
    expect((await statusOf(companion)).alertmanager.reachable).toBe(true);
  });

  it('compares the checksum with the bytes', async () => {
    const companion = await CompanionUnderTest.start();
    const answer = await companion.call('PUT', `/v1/config/${sha256('other')}`, {
      body: JSON.stringify(config()),
    });
    expect([answer.status, answer.json<ConfigRefusal>().code]).toEqual([422, 'checksum-mismatch']);
  });

  it('takes characters that YAML does not allow raw', async () => {
    const companion = await CompanionUnderTest.start();
    const name = 'a\u0085\u009f\u007f\ufffe\u2028\ufeff "😀\\';
    const answer = await companion.put(config({ routes: [{ receiver: name }] }, [{ name }]));
    expect(answer.text).toContain('"changed":true');
    const lone = await companion.put('{"route":{"receiver":"\\ud800"},"receivers":[{"name":"\\ud800"}]}');
    expect([lone.status, lone.json<ConfigRefusal>().code]).toEqual([422, 'malformed']);
  });

  it('notices a file that was edited by hand, and mends it', async () => {
    const companion = await CompanionUnderTest.start();
    const text = JSON.stringify(config());
    await companion.put(text);
    const good = await readFile(companion.alertmanagerYml);
    await writeFile(companion.alertmanagerYml, 'route: {receiver: mine}\nreceivers: [{name: mine}]\n');
    const { config: now } = await statusOf(companion);
    expect(now.sha256).toBeNull();
    expect(now.error).toMatch(/changed by somebody else/);
    expect((await companion.put(text)).json()).toMatchObject({ changed: true });
    expect(await readFile(companion.alertmanagerYml)).toEqual(good);
    expect((await statusOf(companion)).config.sha256).toBe(sha256(text));
  });

  it('checks a configuration and changes nothing', async () => {
    const companion = await CompanionUnderTest.start();
    const before = await readFile(companion.alertmanagerYml);
    const check = async (body: string) =>
      (await companion.call('POST', '/v1/config-checks', { body })).json<ConfigCheck>();
    expect(await check(JSON.stringify(config()))).toEqual({ accepted: true, reason: null });
    expect(await check(JSON.stringify(config({ receiver: 'missing' })))).toMatchObject({
      accepted: false,
      reason: expect.stringContaining('missing'),
    });
    expect(await check('{')).toMatchObject({ accepted: false, reason: expect.stringContaining('JSON') });
    expect(await readFile(companion.alertmanagerYml)).toEqual(before);
  });

  it('handles many writes at once, one after another', async () => {
    const companion = await CompanionUnderTest.start();
    const texts = Array.from({ length: 8 }, (_, index) =>
      JSON.stringify(config({ group_interval: `${index + 1}m` })),
    );
    const answers = await Promise.all(texts.map((text) => companion.put(text)));
    expect(answers.map((answer) => answer.status)).toEqual(texts.map(() => 200));
    const { config: now } = await statusOf(companion);
    expect(texts.map((text) => sha256(text))).toContain(now.sha256);
  });

  it('does not touch the file while Alertmanager is away, and says why', async () => {
    const companion = await CompanionUnderTest.start();
    await companion.put(config());
    const before = await readFile(companion.alertmanagerYml);
    await companion.killAlertmanager();
    const next = JSON.stringify(config({ group_interval: '3m' }));
    const answer = await companion.put(next);
    expect([answer.status, answer.json<ConfigRefusal>().code]).toEqual([422, 'not-confirmed']);
    expect(await readFile(companion.alertmanagerYml)).toEqual(before);
    expect((await statusOf(companion)).alertmanager).toMatchObject({
      reachable: false,
      error: expect.stringContaining('not listening'),
    });
    await companion.startAlertmanager();
    expect((await companion.put(next)).json()).toMatchObject({ changed: true });
  });

  it.each(['missing', 'broken'])(
    're-renders a %s file from the canonical configuration at start',
    async (damage) => {
      const companion = await CompanionUnderTest.start();
      const text = JSON.stringify(config());
      await companion.put(text);
      const good = await readFile(companion.alertmanagerYml);
      expect(await companion.kill('SIGTERM')).toBe(0);
      if (damage === 'broken') await writeFile(companion.alertmanagerYml, 'route: [');
      else await rm(companion.alertmanagerYml);
      await companion.start();
      expect(await readFile(companion.alertmanagerYml)).toEqual(good);
      await eventually(
        'it is confirmed again',
        async () => (await statusOf(companion)).config.sha256 === sha256(text),
      );
    },
  );

  it('falls back to the default when the canonical configuration is damaged too', async () => {
    const companion = await CompanionUnderTest.start();
    await companion.put(config());
    await companion.kill();
    await writeFile(companion.alertmanagerYml, '{');
    await writeFile(join(companion.settings.dataDir, 'canonical.json'), '{"route":');
    await companion.start();
    expect(await readFile(companion.alertmanagerYml, 'utf8')).toContain(`${companion.url}/v1/webhook`);
    expect((await statusOf(companion)).config.sha256).toBeNull();
  });

  it('follows its own address', async () => {
    const companion = await CompanionUnderTest.start();
    await companion.put(config());
    await companion.kill();
    const moved = companion.settings.probeListen;
    await companion.writeSettings({
      ...companion.settings,
      listen: moved,
      probeListen: companion.settings.listen,
    });
    companion.spawn();
    const text = await eventually('the file has the new address', async () => {
      const now = await readFile(companion.alertmanagerYml, 'utf8');
      return now.includes(`https://${moved}/v1/webhook`) && now;
    });
    expect(text).not.toContain(`${companion.url}/`);
  });
});

async function reloadsOf(companion: CompanionUnderTest): Promise<string | undefined> {
  const metrics = (await companion.call('GET', '/metrics')).text;
  return /^alertmanager_config_last_reload_success_timestamp_seconds (\S+)$/m.exec(metrics)?.[1];
}
