import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, readFileSync, writeFileSync, chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { OpenAPIObject } from '@nestjs/swagger';
import { adminToken } from '../../src/platform/auth/admin-token.js';
import { checkedApi, committedDocument, startTestApp, type Method, type TestApp } from '../support/http.js';
import { eventually } from '../support/eventually.js';
import { tempDir } from '../support/temp-dir.js';
import { ToyModule } from '../support/toy.controller.js';

const TOYS = '/api/v1/toys';
const PUBLIC = ['/docs', '/healthz', '/metrics', '/openapi.json', '/readyz'];
let directory: string;
let token: string;
let guarded: TestApp;
let open: TestApp;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'opni-auth-'));
  const dataDir = join(directory, 'guarded');
  guarded = await startTestApp(ToyModule, {
    env: { OPNI_DATA_DIR: dataDir, OPNI_AUTH_MODE: 'token' },
    document: 'served',
  });
  token = readFileSync(join(dataDir, 'admin-token'), 'utf8').trim();
  open = await startTestApp(ToyModule, {
    env: { OPNI_DATA_DIR: join(directory, 'open'), OPNI_CORS_ORIGINS: 'https://ui.example' },
    document: 'served',
  });
});
afterAll(async () => {
  await Promise.all([guarded.close(), open.close()]);
  rmSync(directory, { recursive: true, force: true });
});

interface Operation {
  method: Method;
  path: string;
  isPublic: boolean;
}

function operationsOf(document: OpenAPIObject): Operation[] {
  const methods = ['get', 'put', 'post', 'delete', 'patch'] as const;
  return Object.entries(document.paths).flatMap(([template, item]) =>
    methods.flatMap((method) => {
      const operation = item[method];
      if (!operation) return [];
      const path = template.replaceAll(/\{[^}]+\}/g, 'x');
      return [{ method, path, isPublic: operation.security?.length === 0 }];
    }),
  );
}

describe('a stranger', () => {
  it('is refused by every operation that is not marked security: [], and these are exactly the public ones', async () => {
    const { body } = (await guarded.stranger.get('/openapi.json').expect(200)) as { body: OpenAPIObject };
    const operations = operationsOf(body);
    expect(operations.length).toBeGreaterThan(12);
    expect(body.security).toEqual([{ bearer: [] }]);
    const marked = operations.filter(({ isPublic }) => isPublic).map(({ path }) => path);
    expect(marked.sort()).toEqual(PUBLIC);
    for (const { method, path, isPublic } of operations) {
      const response = await guarded.stranger[method](path);
      expect([method, path, response.status === 401]).toEqual([method, path, !isPublic]);
    }
  });

  it('learns nothing about which paths exist', async () => {
    for (const path of [
      '/',
      '/nothing',
      `${TOYS}/x`,
      '/api',
      '/docs/nothing',
      '/docs/../api/v1/toys',
      '//api/v1/toys',
    ]) {
      const { status, headers } = await fetch(`${guarded.url}${path}`);
      expect([path, status < 400 || status === 401 || path.startsWith('/docs/')]).toEqual([path, true]);
      if (status === 401) expect(headers.get('www-authenticate')).toBe('Bearer realm="opni"');
    }
    await guarded.stranger.post('/healthz').expect(401);
    await guarded.stranger.put(TOYS).expect(401);
  });

  it('is refused before its body is read', async () => {
    const response = await guarded.stranger
      .post(TOYS)
      .set('content-type', 'application/json')
      .send('{not json');
    expect(response.status).toBe(401);
  });

  it.each([
    ['no scheme', () => token],
    ['another scheme', () => `Basic ${Buffer.from(`admin:${token}`).toString('base64')}`],
    ['a wrong token', () => 'Bearer opni_wrong'],
    ['half a token', () => `Bearer ${token.slice(0, -1)}`],
    ['a longer token', () => `Bearer ${token}x`],
    ['two tokens', () => `Bearer ${token} ${token}`],
    ['no token', () => 'Bearer '],
  ])('with %s is refused', async (_name, header) => {
    const response = await guarded.stranger.get(TOYS).set('authorization', header());
    expect(response.status).toBe(401);
    expect(response.text).not.toContain(token);
  });

  it('is not let in by a token in the query, or in another header', async () => {
    await guarded.stranger.get(`${TOYS}?token=${token}&access_token=${token}`).expect(401);
    await guarded.stranger.get(TOYS).set('x-api-key', token).set('cookie', `token=${token}`).expect(401);
  });
});

describe('the administrator', () => {
  it.each(['Bearer', 'bearer', 'BEARER'])('is let in (%s)', async (scheme) => {
    await guarded.stranger.get(TOYS).set('authorization', `${scheme} ${token}`).expect(200);
  });

  it('gets a token that only the owner of the data directory can read', () => {
    expect(statSync(join(directory, 'guarded', 'admin-token')).mode & 0o777).toBe(0o600);
    expect(token).toMatch(/^opni_[A-Za-z0-9_-]{43}$/);
  });

  it('keeps the token over restarts, and of several first starts all get the same', async () => {
    const dataDir = join(await tempDir(), 'data');
    const all = await Promise.all(Array.from({ length: 8 }, () => adminToken(dataDir)));
    expect(new Set(all.map((one) => one.token)).size).toBe(1);
    expect(all.filter(({ created }) => created)).toHaveLength(1);
    expect(await adminToken(dataDir)).toMatchObject({ token: all[0]?.token, created: false });
  });

  it('is told when the file is open to others or holds something else', async () => {
    const dataDir = await tempDir();
    const { path } = await adminToken(dataDir);
    chmodSync(path, 0o644);
    await expect(adminToken(dataDir)).rejects.toThrow(/can be read by other users/);
    chmodSync(path, 0o600);
    writeFileSync(path, 'password');
    await expect(adminToken(dataDir)).rejects.toThrow(/does not hold a token/);
  });
});

describe('without authentication', () => {
  it.each([
    'localhost',
    'localhost:1234',
    '127.0.0.1',
    '127.1.2.3:8080',
    '[::1]:8080',
    'LOCALHOST',
    'a.localhost',
  ])('the host %s is answered', async (host) => {
    await open.api.get(TOYS).set('host', host).expect(200);
  });

  it.each([
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'evil.example:8080',
    '10.0.0.1',
    '127.0.0.1@evil.example',
    '[::2]',
    '0.0.0.0',
    '127.0.0.256',
    '',
  ])('a name bound to this address is refused: %j', async (host) => {
    for (const path of [TOYS, '/metrics', '/openapi.json', '/nothing']) {
      const response = await open.api.get(path).set('host', host);
      expect([host, path, response.status]).toEqual([host, path, 403]);
      expect(JSON.parse(response.text)).toMatchObject({ code: 'host-not-allowed' });
    }
  });

  it('pages of other origins change nothing', async () => {
    const { host } = new URL(open.url);
    for (const origin of [
      'https://evil.example',
      'null',
      'http://localhost.evil.example',
      'http://127.0.0.1:1',
      `http://${host}.evil.example`,
    ]) {
      const response = await open.api.post(TOYS).set('origin', origin).send({ name: 'x' });
      expect([origin, response.status]).toEqual([origin, 403]);
    }
    await open.api.post(`${TOYS}/x/busy`).set('sec-fetch-site', 'cross-site').expect(403);
    await open.api.post(TOYS).set('origin', open.url).send({ name: 'x' }).expect(201);
    await open.api.post(TOYS).set('origin', 'https://ui.example').send({ name: 'x' }).expect(201);
  });

  it('forms are refused: a change needs the content type of JSON', async () => {
    await open.api.post(TOYS).type('form').send('name=x').expect(415);
    await open.api.post(TOYS).type('text/plain').send('{"name":"x"}').expect(415);
  });

  it('only configured origins are told that they may read', async () => {
    const preflight = (origin: string): Promise<Response> =>
      fetch(`${open.url}${TOYS}`, {
        method: 'OPTIONS',
        headers: {
          origin,
          'access-control-request-method': 'PUT',
          'access-control-request-headers': 'authorization',
        },
      });
    const good = await preflight('https://ui.example');
    expect(good.headers.get('access-control-allow-origin')).toBe('https://ui.example');
    const bad = await preflight('https://evil.example');
    expect(bad.headers.get('access-control-allow-origin')).not.toBe('https://evil.example');
    expect(bad.headers.get('access-control-allow-origin')).not.toBe('*');
  });
});

describe('the gateway as it is shipped', () => {
  it('refuses a stranger in every operation of its committed document that is not marked public', async () => {
    const dataDir = join(await tempDir(), 'data');
    const { url } = await startGateway(dataDir);
    const document = committedDocument();
    const stranger = checkedApi(url, document);
    const operations = operationsOf(document);
    expect(operations.length).toBeGreaterThan(30);
    expect(
      operations
        .filter(({ isPublic }) => isPublic)
        .map(({ path }) => path)
        .sort(),
    ).toEqual(PUBLIC);
    for (const { method, path, isPublic } of operations) {
      const { status } = await stranger[method](path);
      expect([method, path, status]).toEqual([method, path, isPublic ? 200 : 401]);
    }
    const served = await stranger.get('/openapi.json');
    expect(served.body).toEqual(document);
    const bearer = readFileSync(join(dataDir, 'admin-token'), 'utf8').trim();
    const administrator = checkedApi(url, document, { authorization: `Bearer ${bearer}` });
    const { status } = await administrator.get('/api/v1/info');
    expect(status).toBe(200);
  });
});

/** `dist/main.js` on a free port, with tokens and without any backend. */
async function startGateway(dataDir: string): Promise<{ url: string }> {
  const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, [main, 'gateway'], {
    env: {
      PATH,
      HOME,
      OPNI_DATA_DIR: dataDir,
      OPNI_LISTEN: '127.0.0.1:0',
      OPNI_AUTH_MODE: 'token',
      OPNI_BOOTSTRAP_INSTALL: '',
      OPNI_LOG_FORMAT: 'json',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  onTestFinished(async () => {
    child.kill('SIGTERM');
    await exited;
  });
  const url = await eventually('the gateway listens', () => {
    if (child.exitCode !== null) throw new Error(output);
    return /"url":"([^"]+)"/.exec(output)?.[1];
  });
  return { url };
}
