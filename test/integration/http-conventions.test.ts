import { connect } from 'node:net';
import type { Response } from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestApp, type Api, type Method, type TestApp } from '../support/http.js';
import { ToyModule } from '../support/toy.controller.js';

const TOYS = '/api/v1/toys';
const MERGE = 'application/merge-patch+json';

let directory: string;
let service: TestApp;
let api: Api;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'opni-http-'));
  service = await startTestApp(ToyModule, { env: { OPNI_DATA_DIR: directory }, document: 'served' });
  api = service.api;
});
afterAll(async () => {
  await service.close();
  rmSync(directory, { recursive: true, force: true });
});

interface Problem {
  status: number;
  code: string;
  detail: string;
  instance: string;
  traceId: string;
  errors?: { pointer?: string; parameter?: string; code: string; detail: string }[];
}

function problemOf(response: Response, status: number, code: string): Problem {
  expect(response.headers['content-type']).toBe('application/problem+json; charset=utf-8');
  const problem = JSON.parse(response.text) as Problem;
  expect([problem.status, problem.code]).toEqual([status, code]);
  expect(response.status).toBe(status);
  expect(problem.traceId).toBe(response.headers['x-request-id']);
  return problem;
}

function pointers(problem: Problem): (string | undefined)[] {
  return (problem.errors ?? []).map(({ pointer }) => pointer);
}

const post = (body: unknown, path = TOYS): ReturnType<Api['post']> => api.post(path).send(body as object);

/** Bytes as they are, with JSON's content type. */
const postRaw = (bytes: string | Buffer, type = 'application/json'): ReturnType<Api['post']> =>
  api
    .post(TOYS)
    .set('content-type', type)
    .serialize((body: unknown) => body as string)
    .send(bytes as string);

describe('an object', () => {
  it('is created with Location and ETag, read, replaced, patched and removed', async () => {
    const created = await post({ name: 'car', tags: ['a'], interval: '1h30m' }).expect(201);
    const path = created.headers['location'] as string;
    expect(created.headers['etag']).toBe('"1"');
    const read = await api.get(path).expect(200);
    expect(read.headers).toMatchObject({ etag: '"1"', 'cache-control': 'no-store' });
    expect(read.body).toMatchObject({ name: 'car', interval: '1h30m', revision: 1 });
    await api.put(path).send({ name: 'bus' }).expect(200).expect('etag', '"2"');
    const patched = await api.patch(path).set('content-type', MERGE).send('{"colour":"red"}').expect(200);
    expect(patched.body).toMatchObject({ name: 'bus', colour: 'red' });
    const cleared = await api.patch(path).set('content-type', MERGE).send('{"colour":null}').expect(200);
    expect(cleared.body).not.toHaveProperty('colour');
    await api.delete(path).expect(204);
    problemOf(await api.delete(path), 404, 'not-found');
  });

  it('is accepted by PUT as GET returned it, with its revision as condition', async () => {
    const path = (await post({ name: 'car' })).headers['location'] as string;
    const { body } = (await api.get(path)) as { body: object };
    await api
      .put(path)
      .send({ ...body, name: 'bus' })
      .expect(200);
    problemOf(await api.put(path).send({ ...body, name: 'tram' }), 412, 'revision-mismatch');
    expect(pointers(problemOf(await api.put(path).send({ ...body, id: 'other' }), 422, 'invalid'))).toEqual([
      '/id',
    ]);
    expect(pointers(problemOf(await api.put(path).send({ ...body, revision: 'x' }), 422, 'invalid'))).toEqual(
      ['/revision'],
    );
  });
});

describe('preconditions', () => {
  it('refuse a stale If-Match, a weak one, and an existing object with If-None-Match: *', async () => {
    const path = `${TOYS}/conditions`;
    await api.put(path).set('if-none-match', '*').send({ name: 'a' }).expect(201);
    problemOf(await api.put(path).set('if-none-match', '*').send({ name: 'a' }), 412, 'revision-mismatch');
    problemOf(await api.put(path).set('if-match', '"7"').send({ name: 'a' }), 412, 'revision-mismatch');
    problemOf(await api.put(path).set('if-match', 'W/"1"').send({ name: 'a' }), 412, 'revision-mismatch');
    await api.put(path).set('if-match', '"7", "1"').send({ name: 'b' }).expect(200).expect('etag', '"2"');
    await api.put(path).set('if-match', '*').send({ name: 'c' }).expect(200);
    problemOf(
      await api.put(`${TOYS}/none`).set('if-match', '*').send({ name: 'c' }),
      412,
      'revision-mismatch',
    );
  });

  it.each(['7', '"7', '""7"', 'W/7', '"1" "2"', ''])('refuse the malformed If-Match %j', async (header) => {
    problemOf(
      await api.put(`${TOYS}/x`).set('if-match', header).send({ name: 'a' }),
      400,
      'malformed-precondition',
    );
  });
});

describe('lists', () => {
  it('come in pages ordered by id', async () => {
    for (const id of ['l1', 'l2', 'l3']) await api.put(`${TOYS}/${id}`).send({ name: id }).expect(201);
    const first = await api.get(`${TOYS}?limit=2&cursor=l0`).expect(200);
    expect(first.body).toMatchObject({ items: [{ id: 'l1' }, { id: 'l2' }], next: 'l2' });
  });

  it.each([
    ['limit=0', 422, 'limit'],
    ['limit=501', 422, 'limit'],
    ['limit=ten', 400, 'limit'],
    ['limit=1&limit=2', 400, 'limit'],
    ['limit=', 400, 'limit'],
    ['limit=1e2', 400, 'limit'],
    ['cursor=a&cursor=b', 400, 'cursor'],
    ['page=2', 400, 'page'],
    ['__proto__=1', 400, '__proto__'],
    ['constructor=1', 400, 'constructor'],
  ])('refuse ?%s', async (query, status, parameter) => {
    const problem = problemOf(await api.get(`${TOYS}?${query}`), status, 'invalid-parameter');
    expect(problem.errors).toContainEqual(expect.objectContaining({ parameter }));
    expect(problem.errors?.every((error) => error.pointer === undefined)).toBe(true);
  });

  it('refuse a selector that is none', async () => {
    const problem = JSON.parse((await api.get(`${TOYS}?labelSelector=%28`).expect(400)).text) as Problem;
    expect(problem.errors).toMatchObject([{ parameter: 'labelSelector' }]);
  });

  it('and flags only know true and false; a path without parameters takes none', async () => {
    problemOf(await api.delete(`${TOYS}/x?force=yes`), 400, 'invalid-parameter');
    problemOf(await api.delete(`${TOYS}/x?force=true`), 404, 'not-found');
    problemOf(await api.post(`${TOYS}?dryrun=true`).send({ name: 'x' }), 400, 'invalid-parameter');
  });
});

describe('wrong fields', () => {
  it('are all named by a pointer, in nested objects and lists too', async () => {
    const body = {
      name: 5,
      colour: 'green',
      tags: ['a', 1, 'b', {}],
      engine: { name: 'OK', size: 1 },
      parts: [{ name: 'fine' }, { name: 7 }, {}, 'text'],
      labels: [],
      interval: '1x',
      namee: 'x',
    };
    const problem = problemOf(await post(body), 422, 'invalid');
    expect(new Set(pointers(problem))).toEqual(
      new Set([
        '/colour',
        '/engine/name',
        '/engine/size',
        '/interval',
        '/labels',
        '/name',
        '/namee',
        '/parts/1/name',
        '/parts/2/name',
        '/parts/3',
        '/tags/1',
        '/tags/3',
      ]),
    );
    expect(problem.errors).toContainEqual({
      pointer: '/namee',
      code: 'unknown-field',
      detail: 'is not a known field; did you mean "name"?',
    });
    expect(problem.errors).toContainEqual({
      pointer: '/parts/2/name',
      code: 'required',
      detail: 'is required',
    });
    expect(problem.errors).toContainEqual({ pointer: '/parts/3', code: 'type', detail: 'must be an object' });
  });

  it('are escaped in pointers', async () => {
    expect(pointers(problemOf(await post({ name: 'x', 'a/b~c': 1 }), 422, 'invalid'))).toEqual(['/a~1b~0c']);
  });

  it.each([
    [{ name: null }, '/name'],
    [{ name: 'x', tags: ['a', null] }, '/tags/1'],
    [{ name: 'x', parts: [null] }, '/parts/0'],
    [{ name: 'x', labels: { a: null } }, '/labels/a'],
  ])('null is refused in %j', async (body, pointer) => {
    expect(pointers(problemOf(await post(body), 422, 'invalid'))).toEqual([pointer]);
  });

  it.each([['[]'], ['"text"'], ['5'], ['true'], ['null']])('%s is no object', async (text) => {
    expect(pointers(problemOf(await postRaw(text), 422, 'invalid'))).toEqual(['']);
    const patched = await api.patch(`${TOYS}/l1`).set('content-type', MERGE).send(text);
    expect(patched.status).toBe(422);
  });

  it.each([
    [{ name: 'x', engine: [] }],
    [{ name: 'x', engine: 'x' }],
    [{ name: 'x', parts: {} }],
    [{ name: 'x', parts: 'x' }],
  ])('an object and a list are not confused: %j', async (body) => {
    expect(problemOf(await post(body), 422, 'invalid').errors).toHaveLength(1);
  });
});

describe('hostile bodies', () => {
  it('of 5 MB are refused, announced or not', async () => {
    const big = JSON.stringify({ name: 'x'.repeat(5_000_000) });
    problemOf(await postRaw(big), 413, 'body-too-large');
    expect(await chunked(big)).toContain('413');
  });

  it('that a route takes up to its own limit are taken', async () => {
    const text = (bytes: number): ReturnType<Api['post']> =>
      api.post(`${TOYS}/x/text`).set('content-type', 'application/yaml').send('x'.repeat(bytes));
    expect((await text(5_000_000).expect(200)).body).toEqual({ bytes: 5_000_000 });
    problemOf(await text(17 * 1024 * 1024), 413, 'body-too-large');
  });

  it('deeper than 64 levels are refused', async () => {
    const deep = (levels: number): string =>
      `{"name":"x","labels":${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}}`;
    problemOf(await postRaw(deep(65)), 400, 'body-too-deep');
    problemOf(await postRaw('['.repeat(1_000_000) + ']'.repeat(1_000_000)), 400, 'body-too-deep');
    problemOf(await postRaw('['.repeat(100_000)), 400, 'malformed-body');
    const patched = await api.patch(`${TOYS}/l1`).set('content-type', MERGE).send(deep(70));
    problemOf(patched, 400, 'body-too-deep');
  });

  it.each([
    ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0x6e, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ['an overlong encoding', Buffer.from([0x22, 0xc0, 0xaf, 0x22])],
    ['UTF-16', Buffer.from('{"name":"x"}', 'utf16le')],
    ['half an object', '{"name":'],
    ['two objects', '{}{}'],
    ['NaN', '{"name":NaN}'],
    ['a comment', '{"name":"x"} // y'],
  ])('that are %s are malformed, and their text is not repeated', async (_name, bytes) => {
    expect(problemOf(await postRaw(bytes), 400, 'malformed-body').detail).not.toContain('name');
  });

  it.each(['__proto__', 'constructor', 'prototype', 'hasOwnProperty', 'toString', 'valueOf'])(
    'with a member named %s are refused, at any depth and escaped',
    async (name) => {
      problemOf(await postRaw(`{"name":"x","${name}":{"polluted":true}}`), 400, 'forbidden-member');
      const nested = problemOf(
        await postRaw(`{"name":"x","labels":{"${name}":"y"}}`),
        400,
        'forbidden-member',
      );
      expect(pointers(nested)).toEqual([`/labels/${name}`]);
      const escaped = `\\u${name.charCodeAt(0).toString(16).padStart(4, '0')}${name.slice(1)}`;
      problemOf(await postRaw(`{"name":"x","${escaped}":{}}`), 400, 'forbidden-member');
      const patch = api.patch(`${TOYS}/l1`).set('content-type', MERGE).send(`{"${name}":{"polluted":true}}`);
      problemOf(await patch, 400, 'forbidden-member');
      expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    },
  );

  it('with names that template engines or terminals like come back as they were', async () => {
    for (const name of ['a\nb', `"'\\`, '{{ .Values }}', '\u001b[31m', '\u0000', '💥']) {
      const { body } = (await post({ name }).expect(201)) as { body: { name: string } };
      expect(body.name).toBe(name);
    }
  });

  it('that are empty where one is needed are refused', async () => {
    problemOf(await api.post(TOYS), 400, 'body-required');
    problemOf(await api.post(TOYS).set('content-type', 'application/json'), 400, 'body-required');
  });
});

describe('media types', () => {
  it.each([
    ['post', TOYS, 'text/plain'],
    ['post', TOYS, 'application/x-www-form-urlencoded'],
    ['post', TOYS, 'multipart/form-data; boundary=x'],
    ['post', TOYS, 'application/jsonp'],
    ['post', TOYS, MERGE],
    ['post', TOYS, 'nonsense'],
    ['post', TOYS, 'application/json; charset=latin1'],
    ['put', `${TOYS}/x`, 'text/plain'],
    ['patch', `${TOYS}/l1`, 'application/json'],
    ['post', `${TOYS}/x/text`, 'application/json'],
    ['delete', `${TOYS}/l1`, 'text/plain'],
  ] as [Method, string, string][])('%s %s refuses %s', async (method, path, type) => {
    const response = await api[method](path)
      .set('content-type', type)
      .serialize((body: unknown) => body as string)
      .send('{"name":"x"}' as never);
    problemOf(response, 415, 'unsupported-media-type');
  });

  it('with parameters and in capitals are still JSON', async () => {
    await postRaw('{"name":"x"}', 'Application/JSON; charset=UTF-8').expect(201);
  });

  it('compressed bodies are refused', async () => {
    const response = await api.post(TOYS).set('content-encoding', 'gzip').send({ name: 'x' });
    problemOf(response, 415, 'unsupported-media-type');
  });

  it('a body without a type is refused', async () => {
    const { host } = new URL(service.url);
    const answer = await raw(
      `POST ${TOYS} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}`,
    );
    expect(answer).toContain('HTTP/1.1 415');
  });
});

describe('paths', () => {
  it.each([
    '/',
    '/api',
    '/api/v1',
    '/api/v1/toys/',
    '/api/v1/nothing',
    '/docs/index.html',
    '/docs/swagger-initializer.js',
    '/docs/%2e%2e%2fpackage.json',
  ])('that do not exist are problems: %s', async (path) => {
    problemOf(await api.get(path), 404, 'not-found');
  });

  it('that do not answer a method say which they answer', async () => {
    const response = await api.post(`${TOYS}/x`).send({});
    problemOf(response, 405, 'method-not-allowed');
    expect(response.headers['allow']).toBe('DELETE, GET, HEAD, PATCH, PUT');
    problemOf(await api.delete('/healthz'), 405, 'method-not-allowed');
    expect(await raw(`PROPFIND ${TOYS} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)).toContain(
      'HTTP/1.1 405',
    );
  });

  it.each([
    '..',
    '%2e%2e',
    '..%2f..%2fetc',
    'a%2fb',
    '-a',
    '.a',
    'a b',
    'a%00',
    'a%0Ab',
    'ä',
    'x'.repeat(64),
    '{{x}}',
  ])('with the id %s are refused', async (id) => {
    const { host } = new URL(service.url);
    const target = `${TOYS}/${id.includes('%') || id === '..' ? id : encodeURIComponent(id)}`;
    const answer = await raw(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 (400|404) /);
    expect(answer).toContain('application/problem+json');
  });

  it('with malformed escapes, and no HTTP at all, are problems too', async () => {
    const { host } = new URL(service.url);
    for (const line of [
      `GET ${TOYS}/%ff HTTP/1.1`,
      `GET ${TOYS}/${'x'.repeat(2000)} HTTP/1.1`,
      'NONSENSE',
      `GET ${TOYS} HTTP/1.1\r\nX: ${'x'.repeat(20_000)}`,
    ]) {
      const answer = await raw(`${line}\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
      expect(answer).toContain('application/problem+json');
      const problem = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4)) as Problem;
      expect(problem.code).toMatch(/^[a-z-]+$/);
    }
  });
});

describe('errors of handlers', () => {
  it('that are bugs say nothing about the inside', async () => {
    const response = await post({}, `${TOYS}/x/break`);
    problemOf(response, 500, 'internal');
    expect(response.text).not.toMatch(/hunter2|toy\.controller|TypeError/);
  });

  it('carry Retry-After and members of their own', async () => {
    const response = await post({}, `${TOYS}/x/busy`);
    expect(problemOf(response, 429, 'busy')).toMatchObject({ dependents: ['a'] });
    expect(response.headers['retry-after']).toBe('3');
  });
});

describe('request ids', () => {
  it('are taken over when they are harmless, else made', async () => {
    await api.get('/healthz').set('x-request-id', 'abc-1.2_3').expect('x-request-id', 'abc-1.2_3');
    const { headers } = await api.get('/healthz').set('x-request-id', '<script>');
    expect(headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('the service itself', () => {
  it('tells about its health, metrics by route template, and its API', async () => {
    await api.get('/healthz').expect(200, { status: 'ok' });
    await api.get('/readyz').expect(200, { ready: true, checks: {}, components: {} });
    await api.get(`${TOYS}/l1`).expect(200);
    const { text } = await api.get('/metrics').expect(200);
    expect(text).toContain('route="/api/v1/toys/:id"');
    expect(text).toContain('process_resident_memory_bytes');
    expect(text).not.toContain('/toys/l1');
    const { body } = (await api.get('/openapi.json').expect(200)) as { body: { openapi: string } };
    expect(body.openapi).toBe('3.1.0');
  });

  it('serves Swagger UI from itself alone', async () => {
    const { text } = await api.get('/docs').expect(200);
    const links = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] as string);
    expect(links).toHaveLength(4);
    for (const link of links) {
      expect(link).not.toMatch(/^(https?:)?\/\//);
      const response = await fetch(new URL(link, `${service.url}/docs`));
      expect([link, response.status]).toEqual([link, 200]);
      await response.arrayBuffer();
    }
  });
});

/** Sends a body in chunks, without announcing its length. */
function chunked(body: string): Promise<string> {
  const { host } = new URL(service.url);
  return raw(
    `POST ${TOYS} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
  );
}

/** Bytes on a socket, for requests that no client would make. */
function raw(text: string): Promise<string> {
  const { hostname, port } = new URL(service.url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(text));
    let answer = '';
    socket.setTimeout(10_000, () => socket.destroy(new Error('no answer')));
    socket.on('data', (chunk) => (answer += chunk.toString()));
    socket.on('error', (error) => (answer === '' ? reject(error) : resolve(answer)));
    socket.on('close', () => resolve(answer));
  });
}

describe('a path that does not exist', () => {
  it.each([
    [`${TOYS}/`, `There is ${TOYS}, without a slash at its end.`],
    [`${TOYS}/x/`, `There is ${TOYS}/x, without a slash at its end.`],
    ['/nothing/', 'GET /openapi.json lists all of them.'],
    ['/', 'GET /docs shows what there is, GET /openapi.json describes it.'],
  ])('%s is answered with what there is', async (path, advice) => {
    const { detail } = problemOf(await api.get(path), 404, 'not-found');
    expect(detail).toBe(`There is no path ${path}. ${advice}`);
  });
});
