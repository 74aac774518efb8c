import { once } from 'node:events';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import tls from 'node:tls';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { issueLeaf } from '../../src/platform/tls/x509-builder.js';
import { ALERTMANAGER_TIMEOUT_MS, alertmanagerBinaries } from '../support/alertmanager.js';
import { CompanionUnderTest, call, newAuthority, sha256, validity } from '../support/companion.js';
import { eventually } from '../support/eventually.js';

beforeAll(() => alertmanagerBinaries(), ALERTMANAGER_TIMEOUT_MS);

async function started(): Promise<CompanionUnderTest> {
  const companion = await CompanionUnderTest.prepare();
  await companion.start();
  return companion;
}

describe('the mTLS port', () => {
  it('refuses a stranger: no certificate, and one of another CA', async () => {
    const companion = await started();
    const other = await issueLeaf(
      await newAuthority(),
      { commonName: 'gateway', usages: ['client'] },
      validity(),
    );
    await expect(companion.call('GET', '/v1/status', { identity: null })).rejects.toThrow(
      /certificate required|reset|hang up/,
    );
    await expect(companion.call('GET', '/v1/status', { identity: other })).rejects.toThrow(
      /unknown ca|reset|hang up/,
    );
    expect((await companion.call('GET', '/v1/status')).status).toBe(200);
  });

  it('speaks no plain HTTP and no old TLS', async () => {
    const companion = await started();
    await expect(call(companion.url.replace('https', 'http'), 'GET')).rejects.toThrow(
      /hang up|reset|EPIPE|Parse Error/,
    );
    const { ca, cert, key } = {
      ca: companion.authority.certificate,
      cert: companion.gateway.certificate,
      key: companion.gateway.key,
    };
    const port = Number(new URL(companion.url).port);
    const socket = tls.connect({
      host: '127.0.0.1',
      port,
      ca,
      cert,
      key,
      maxVersion: 'TLSv1.1',
      minVersion: 'TLSv1',
    });
    const [error] = (await once(socket, 'error')) as [Error];
    expect(error.message).toMatch(/version|alert|protocol/);
  });

  it('uses a replaced certificate without a restart, and survives a broken one', async () => {
    const companion = await started();
    const serial = () =>
      new Promise<string>((resolve, reject) => {
        const socket = tls.connect({
          host: '127.0.0.1',
          port: Number(new URL(companion.url).port),
          ca: companion.authority.certificate,
          cert: companion.gateway.certificate,
          key: companion.gateway.key,
        });
        socket.once('error', reject);
        socket.once('secureConnect', () => {
          resolve(socket.getPeerCertificate().serialNumber);
          socket.destroy();
        });
      });
    const first = await serial();
    const good = await readFile(companion.settings.tls.certificateFile);
    await writeFile(companion.settings.tls.certificateFile, 'not a certificate');
    await eventually('the broken one was looked at', () => companion.output.includes('cannot be used yet'));
    expect(await serial()).toBe(first);
    await writeFile(companion.settings.tls.certificateFile, good);
    await companion.renewCertificate();
    await eventually('the new certificate is served', async () => (await serial()) !== first);
  });

  it.each([
    ['GET', '/', 404],
    ['GET', '/healthz', 404],
    ['POST', '/-/reload', 404],
    ['GET', '/v1/config', 404],
    ['PUT', '/v1/config/abc', 404],
    ['POST', '/v1/status', 405],
    ['POST', '/api/v2/../../-/reload', 404],
    ['POST', '/api/v2/%2e%2e/%2e%2e/-/reload', 404],
    ['GET', '/api/v2//x', 404],
    ['DELETE', '/metrics', 405],
  ])('answers %s %s with %i', async (method, path, status) => {
    const companion = await started();
    const answer = await companion.call(method, path);
    expect(answer.status).toBe(status);
    expect(answer.headers['content-type']).toBe('application/problem+json');
  });

  it.each([
    ['no JSON', 'not json', 400],
    ['nothing', '', 400],
    ['invalid UTF-8', Buffer.from([0x22, 0xff, 0xfe, 0x22]), 400],
    ['a deep body', '['.repeat(200_000) + ']'.repeat(200_000), 400],
    ['a huge body', Buffer.alloc(17 * 1024 * 1024, 0x20), 413],
    ['another version', '{"version":"3","alerts":[]}', 400],
    ['__proto__', '{"__proto__":{"version":"4","alerts":[]}}', 400],
  ])('survives %s', async (_name, body, status) => {
    const companion = await started();
    expect((await companion.call('POST', '/v1/webhook', { body })).status).toBe(status);
    const put = await companion.call('PUT', `/v1/config/${sha256(body)}`, { body });
    expect(put.status).toBe(422);
    const test = await companion.call('POST', '/v1/endpoint-tests', { body });
    expect([400, 413]).toContain(test.status);
    expect((await companion.call('GET', '/v1/status')).status).toBe(200);
  });

  it('refuses a configuration above 32 MiB while it arrives', async () => {
    const companion = await started();
    const body = Buffer.alloc(33 * 1024 * 1024, 0x20);
    const answer = await companion.call('PUT', `/v1/config/${sha256(body)}`, { body });
    expect(answer.status).toBe(413);
  });

  it('refuses pages it cannot give', async () => {
    const companion = await started();
    for (const query of ['limit=0', 'limit=1001', 'limit=x', 'after=-1', 'after=1e3', 'limit=']) {
      const answer = await companion.call('GET', `/v1/messages?${query}`);
      expect([query, answer.status]).toEqual([query, 400]);
    }
  });
});

describe('the pass-through', () => {
  it('is Alertmanager as it is: answers, errors and all', async () => {
    const companion = await CompanionUnderTest.start();
    const alert = { labels: { alertname: 'x' } };
    const headers = { 'content-type': 'application/json' };
    const posted = await companion.call('POST', '/api/v2/alerts', { body: JSON.stringify([alert]), headers });
    expect(posted.status).toBe(200);
    const alerts = await companion.call('GET', '/api/v2/alerts?filter=alertname%3D%22x%22');
    expect(alerts.json()).toMatchObject([{ labels: { alertname: 'x' } }]);
    const native = await call(`${companion.settings.alertmanagerUrl}/api/v2/silence/nonsense`, 'GET');
    const passed = await companion.call('GET', '/api/v2/silence/nonsense');
    expect([passed.status, passed.text]).toEqual([native.status, native.text]);
    expect((await companion.call('GET', '/metrics')).text).toContain('alertmanager_config_hash');
  });

  it('says that Alertmanager is away', async () => {
    const companion = await started();
    const answer = await companion.call('GET', '/api/v2/alerts');
    expect(answer.status).toBe(503);
    expect(answer.json()).toMatchObject({ code: 'alertmanager-unavailable' });
    await companion.startAlertmanager();
    expect((await companion.call('GET', '/api/v2/alerts')).status).toBe(200);
  });
});

describe('the probe port', () => {
  it('answers probes and nothing else', async () => {
    const companion = await started();
    const paths = ['/healthz', '/readyz', '/', '/v1/status', '/metrics', '/api/v2/status', '/v1/messages'];
    const answers = await Promise.all(paths.map((path) => call(companion.probeUrl + path, 'GET')));
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 404, 404, 404, 404, 404]);
    expect((await call(`${companion.probeUrl}/readyz`, 'POST')).status).toBe(404);
  });
});

describe('the process', () => {
  it('names the wrong field of its settings and ends with 1', async () => {
    const companion = await CompanionUnderTest.prepare();
    await companion.writeSettings({ ...companion.settings, listen: 'everywhere', tls: {} });
    const child = companion.spawn();
    const [code] = (await once(child, 'close')) as [number];
    expect(code).toBe(1);
    expect(companion.output).toContain('"listen" must be "host:port"');
    expect(companion.output).toContain('"tls.keyFile" must be an absolute path');
  });

  it('names an address that is taken', async () => {
    const companion = await started();
    const second = await CompanionUnderTest.prepare();
    await second.writeSettings({ ...second.settings, listen: companion.settings.listen });
    const [code] = (await once(second.spawn(), 'close')) as [number];
    expect(code).toBe(1);
    expect(second.output).toContain(`cannot listen on ${companion.settings.listen}: another process uses it`);
  });

  it('ends with 0 on SIGTERM and leaves no half-written file', async () => {
    const companion = await started();
    expect(await companion.kill('SIGTERM')).toBe(0);
    const files = await readdir(companion.settings.dataDir, { recursive: true });
    expect(files.filter((name) => name.endsWith('.tmp'))).toEqual([]);
    expect(files).toContain('alertmanager.yml');
    expect(join(companion.settings.dataDir, 'alertmanager.yml')).toBe(companion.alertmanagerYml);
  });
});
