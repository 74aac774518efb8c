import { readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { pino } from 'pino';
import { shutdown } from '../../src/platform/http/create-app.js';
import { ReadinessRegistry } from '../../src/platform/http/readiness.js';
import { createAuthority, issueLeaf } from '../../src/platform/tls/x509-builder.js';
import { ServiceLogger } from '../../src/platform/telemetry/logger.js';
import { eventually } from '../support/eventually.js';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/http.js';
import { tempDir } from '../support/temp-dir.js';
import { slowRequests, ToyModule } from '../support/toy.controller.js';

async function start(
  env: Record<string, string> = {},
  options: Partial<TestAppOptions> = {},
): Promise<TestApp> {
  const service = await startTestApp(ToyModule, {
    env: { OPNI_DATA_DIR: join(await tempDir(), 'data'), ...env },
    document: 'served',
    ...options,
  });
  onTestFinished(() => service.close());
  return service;
}

describe('stopping', () => {
  it('answers 503 on /readyz, refuses new requests, lets running ones finish, then closes', async () => {
    const { app, api, url } = await start();
    const running = api.post('/api/v1/toys/x/slow').then((response) => response);
    const finish = await eventually('the request to arrive', () => slowRequests.pop());
    const stopped = shutdown(app, 10_000);
    const ready = await api.get('/readyz').expect(503);
    expect(ready.body).toMatchObject({ ready: false, checks: { service: { state: 'failed' } } });
    const refused = await api.get('/api/v1/toys').expect(503);
    expect(refused.body).toMatchObject({ code: 'stopping' });
    expect(refused.headers['retry-after']).toBe('5');
    finish();
    expect((await running).body).toEqual({ done: true });
    expect(await stopped).toBe(true);
    await expect(fetch(`${url}/healthz`)).rejects.toThrow('fetch failed');
  });

  it('does not wait longer than the deadline', async () => {
    const { app, url } = await start();
    const running = fetch(`${url}/api/v1/toys/x/slow`, { method: 'POST' }).then(
      () => 'answered',
      () => 'cut off',
    );
    const finish = await eventually('the request to arrive', () => slowRequests.pop());
    expect(await shutdown(app, 100)).toBe(false);
    expect(await running).toBe('cut off');
    finish();
  });
});

describe('readiness', () => {
  it('fails with a failing or hanging check, and shows components without depending on them', async () => {
    const { app, api } = await start();
    const readiness = app.get(ReadinessRegistry);
    readiness.addComponent('alertmanager', () => ({ state: 'failed', message: 'is down' }));
    await api.get('/readyz').expect(200);
    const remove = readiness.addCheck('store', () => {
      throw new Error('the disk is full');
    });
    const failed = await api.get('/readyz').expect(503);
    expect(failed.body).toMatchObject({
      checks: { store: { state: 'failed', message: 'the disk is full' } },
    });
    remove();
    readiness.addCheck('hanging', () => new Promise(() => {}));
    await api.get('/readyz').expect(503);
  });
});

describe('logs', () => {
  it('have one line per request, with its id and without anything secret', async () => {
    const lines: string[] = [];
    const logger = new ServiceLogger(
      pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) }),
    );
    const { api, stranger, settings } = await start({ OPNI_AUTH_MODE: 'token' }, { logger });
    const token = readFileSync(join(settings.dataDir, 'admin-token'), 'utf8').trim();
    await api.post('/api/v1/toys').set('x-request-id', 'the-id').send({ name: 'body-text' }).expect(201);
    await api.get('/api/v1/toys?limit=1&cursor=query-text').expect(200);
    await stranger.get(`/api/v1/toys?token=${token}`).set('authorization', 'Bearer wrong-token').expect(401);
    await api.post('/api/v1/toys/x/break').expect(500);
    const all = await eventually('four lines', () => {
      const requests = lines
        .map((line) => JSON.parse(line) as Record<string, unknown>)
        .filter(({ msg }) => msg === 'request');
      return requests.length >= 4 && requests;
    });
    // Reads that went well are debug: dashboards poll.
    expect(all.map(({ level }) => level)).toEqual([30, 20, 30, 30]);
    expect(all[0]).toMatchObject({
      requestId: 'the-id',
      method: 'POST',
      path: '/api/v1/toys',
      status: 201,
      subject: 'administrator',
    });
    expect(lines.join('')).not.toMatch(/body-text|query-text|wrong-token/);
    expect(lines.join('')).not.toContain(token);
    const bug = lines.find((line) => line.includes('request failed unexpectedly'));
    expect(JSON.parse(bug ?? '{}')).toMatchObject({
      err: { type: 'TypeError', stack: expect.stringContaining('toy.controller') },
    });
  });
});

describe('TLS', () => {
  it('is spoken when a certificate is configured', async () => {
    const directory = await tempDir();
    const [cert, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
    const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) };
    const authority = await createAuthority('components', validity);
    const request = { commonName: 'localhost', dnsNames: ['localhost'], usages: ['server' as const] };
    const leaf = await issueLeaf(authority, request, validity);
    writeFileSync(cert, leaf.certificate);
    writeFileSync(key, leaf.key, { mode: 0o600 });
    const { url } = await start({ OPNI_TLS_CERT: cert, OPNI_TLS_KEY: key });
    expect(url).toMatch(/^https:/);
    const status = await new Promise<number | undefined>((resolve, reject) => {
      get(
        `${url.replace('127.0.0.1', 'localhost')}/healthz`,
        { ca: authority.certificate, family: 4 },
        (response) => {
          response.resume();
          resolve(response.statusCode);
        },
      ).on('error', reject);
    });
    expect(status).toBe(200);
    await expect(fetch(url.replace('https:', 'http:'))).rejects.toThrow('fetch failed');
  });
});
