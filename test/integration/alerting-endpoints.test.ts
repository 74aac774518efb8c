import { once } from 'node:events';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import http from 'node:http';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ALERTMANAGER_TIMEOUT_MS } from '../support/alertmanager.js';
import { eventually } from '../support/eventually.js';
import { GatewayUnderTest, type GatewayAnswer, type Json, type Problem } from '../support/gateway.js';

const ENDPOINTS = '/api/v1/alerting/endpoints';
/** A port on which nothing listens: these tests deliver nothing. */
const URL_A = 'http://127.0.0.1:9/a';
const URL_B = 'http://127.0.0.1:9/b';

interface EndpointBody extends Json {
  id: string;
  revision: number;
  name: string;
  webhook: Json & { url: string; http_config?: Json };
  status: { conditions: { type: string; status: string; message: string; observedGeneration: number }[] };
}

let gateway: GatewayUnderTest;

beforeAll(async () => {
  gateway = await GatewayUnderTest.start();
  await gateway.untilRunning();
}, ALERTMANAGER_TIMEOUT_MS);
afterAll(() => gateway.dispose());

const webhook = (change: object = {}): Json => ({
  name: 'a',
  type: 'webhook',
  webhook: { url: URL_A },
  ...change,
});
const pathOf = (id: string): string => `${ENDPOINTS}/${id}`;

function put(
  id: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<GatewayAnswer<EndpointBody>> {
  return gateway.request<EndpointBody>('PUT', pathOf(id), { body, headers });
}

function patch(
  id: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<GatewayAnswer<EndpointBody>> {
  return gateway.request<EndpointBody>('PATCH', pathOf(id), { body, headers });
}

function read(id: string): Promise<EndpointBody> {
  return gateway.get<EndpointBody>(pathOf(id));
}

function problem(answer: GatewayAnswer<unknown>, status: number, code: string): Problem {
  const body = answer.body as Problem;
  expect([answer.status, body.code], answer.text).toEqual([status, code]);
  return body;
}

function places({ errors = [] }: Problem): string[] {
  return errors.map(({ pointer, code }) => `${pointer} ${code}`).toSorted();
}

/** The endpoint in its newest revision runs in every member. */
async function accepted(id: string): Promise<void> {
  await eventually(`${id} is accepted`, async () => {
    const { revision, status } = await read(id);
    const [condition] = status.conditions;
    if (condition?.status === 'True' && condition.observedGeneration === revision) return true;
    throw new Error(JSON.stringify(condition));
  });
}

describe('an endpoint', () => {
  it('is created by POST with an id of its own, read, replaced, changed and removed', async () => {
    const created = await gateway.request<EndpointBody>('POST', ENDPOINTS, { body: webhook() });
    expect(created.status).toBe(201);
    const { id } = created.body;
    expect(created.headers).toMatchObject({ location: pathOf(id), etag: '"1"' });
    expect(created.body).toMatchObject({
      ...webhook(),
      revision: 1,
      description: '',
      labels: {},
      notifications: { enabled: false, severities: ['info', 'warning', 'error', 'critical'] },
    });
    const got = await gateway.request<EndpointBody>('GET', pathOf(id), {
      headers: { 'if-none-match': '"1"' },
    });
    expect(got.status).toBe(200);
    expect(got.headers).toMatchObject({ etag: '"1"', 'cache-control': 'no-store' });
    const replaced = await put(id, webhook({ name: 'b' }));
    expect(replaced.status).toBe(200);
    expect(replaced.headers['etag']).toBe('"2"');
    const patched = await patch(id, { description: 'x' });
    expect(patched.body).toMatchObject({ name: 'b', description: 'x', revision: 3 });
    expect(patched.headers['etag']).toBe('"3"');
    expect((await gateway.request('DELETE', pathOf(id))).status).toBe(204);
    problem(await gateway.request('DELETE', pathOf(id)), 404, 'not-found');
    problem(await gateway.request('GET', pathOf(id)), 404, 'not-found');
    problem(await patch(id, {}), 404, 'not-found');
  });

  it('is created by PUT under a given id, with Location', async () => {
    const created = await put('by-put', webhook());
    expect(created.status).toBe(201);
    expect(created.headers).toMatchObject({ location: pathOf('by-put'), etag: '"1"' });
    await accepted('by-put');
  });

  it('is refused with another content type, without a body, and with a query that is not known', async () => {
    const text = { body: JSON.stringify(webhook()), headers: { 'content-type': 'text/plain' } };
    problem(await gateway.request('PUT', pathOf('type'), text), 415, 'unsupported-media-type');
    const json = { body: '{}', headers: { 'content-type': 'application/json' } };
    problem(await gateway.request('PATCH', pathOf('by-put'), json), 415, 'unsupported-media-type');
    expect((await gateway.request('POST', ENDPOINTS)).status).toBeGreaterThanOrEqual(400);
    problem(
      await gateway.request('POST', `${ENDPOINTS}?dry=true`, { body: webhook() }),
      400,
      'invalid-parameter',
    );
  });
});

describe('preconditions', () => {
  it('hold for create only, a stale and a missing revision, and removal', async () => {
    const none = { 'if-none-match': '*' };
    expect((await put('pre', webhook(), none)).status).toBe(201);
    problem(await put('pre', webhook(), none), 412, 'already-exists');
    problem(await put('pre', webhook(), { 'if-match': '"2"' }), 412, 'revision-mismatch');
    problem(await put('pre-absent', webhook(), { 'if-match': '*' }), 412, 'revision-mismatch');
    problem(await put('pre-absent', webhook(), { 'if-match': '"1"' }), 412, 'revision-mismatch');
    problem(await patch('pre', {}, { 'if-match': '"2"' }), 412, 'revision-mismatch');
    const stale = { headers: { 'if-match': '"2"' } };
    problem(await gateway.request('DELETE', pathOf('pre'), stale), 412, 'revision-mismatch');
    expect((await read('pre')).revision).toBe(1);
    expect((await put('pre', webhook(), { 'if-match': '"1"' })).headers['etag']).toBe('"2"');
    expect((await gateway.request('DELETE', pathOf('pre'), stale)).status).toBe(204);
  });

  it('let exactly one of several writers with the same If-Match win', async () => {
    await put('race', webhook());
    for (const write of [put, patch]) {
      const { revision } = await read('race');
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, n) =>
          write('race', webhook({ name: `writer ${n}` }), { 'if-match': `"${revision}"` }),
        ),
      );
      expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
        200,
        ...Array<number>(7).fill(412),
      ]);
      const winner = answers.find(({ status }) => status === 200);
      expect(await read('race')).toMatchObject({ revision: revision + 1, name: winner?.body.name });
    }
  });

  it('let exactly one of several creators win', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => put('race-create', webhook(), { 'if-none-match': '*' })),
    );
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
      201,
      ...Array<number>(7).fill(412),
    ]);
  });

  it('that are not given never refuse a patch: those at the same time are all kept', async () => {
    await put('race-patch', webhook());
    const names = Array.from({ length: 8 }, (_, n) => `writer-${n}`);
    const answers = await Promise.all(names.map((name) => patch('race-patch', { labels: { [name]: 'x' } })));
    expect(answers.map(({ status }) => status)).toEqual(names.map(() => 200));
    expect(answers.map(({ body }) => body.revision).toSorted((a, b) => a - b)).toEqual([
      2, 3, 4, 5, 6, 7, 8, 9,
    ]);
    expect(Object.keys((await read('race-patch'))['labels'] as Json).toSorted()).toEqual(names);
  });
});

describe('PATCH', () => {
  it('merges, replaces lists, and removes members by null', async () => {
    const full = webhook({
      description: 'text',
      labels: { team: 'a', tier: 'x' },
      notifications: { enabled: true, severities: ['error', 'critical'] },
      webhook: { url: URL_A, timeout: '10s', http_config: { follow_redirects: false, proxy_url: URL_B } },
    });
    await put('merge', full);
    const changed = await patch('merge', {
      description: null,
      labels: { tier: null, zone: 'z' },
      notifications: { severities: ['critical'] },
      webhook: { timeout: null, http_config: { proxy_url: null } },
    });
    expect(changed.status, changed.text).toBe(200);
    expect(changed.body).toMatchObject({
      description: '',
      labels: { team: 'a', zone: 'z' },
      notifications: { enabled: true, severities: ['critical'] },
    });
    expect(changed.body['labels']).not.toHaveProperty('tier');
    expect(changed.body.webhook).toEqual({ url: URL_A, http_config: { follow_redirects: false } });
    const reset = await patch('merge', { notifications: null });
    expect(reset.body['notifications']).toEqual({
      enabled: false,
      severities: ['info', 'warning', 'error', 'critical'],
    });
  });

  it('names what is missing when null removes what is required, and changes nothing', async () => {
    await put('merge-bad', webhook());
    expect(places(problem(await patch('merge-bad', { name: null }), 422, 'invalid'))).toEqual([
      '/name required',
    ]);
    expect(places(problem(await patch('merge-bad', { webhook: { url: null } }), 422, 'invalid'))).toEqual([
      '/webhook/url required',
    ]);
    expect(places(problem(await patch('merge-bad', { webhook: null }), 422, 'invalid'))).toEqual([
      '/webhook required',
    ]);
    for (const body of ['[]', '"x"', '7', 'null', '[{"op":"remove","path":"/name"}]']) {
      const answer = await patch('merge-bad', body);
      expect([400, 422], `${body}: ${answer.text}`).toContain(answer.status);
    }
    expect(await read('merge-bad')).toMatchObject({ revision: 1, ...webhook() });
  });

  it('ignores nothing: what only the service writes cannot be patched', async () => {
    await put('merge-own', webhook());
    for (const body of [
      { id: 'other' },
      { revision: 7 },
      { createdAt: '2026-01-01T00:00:00Z' },
      { status: {} },
    ]) {
      problem(await patch('merge-own', body), 422, 'invalid');
    }
  });
});

describe('PUT of what GET returned', () => {
  it('changes nothing but the revision, keeps secrets, and is stale the second time', async () => {
    await put(
      'readback',
      webhook({
        webhook: { url: URL_A, http_config: { basic_auth: { username: 'u', password: 'readback-secret' } } },
      }),
    );
    const before = await read('readback');
    const again = await put('readback', before);
    expect(again.status, again.text).toBe(200);
    const { revision, updatedAt, status, ...same } = before;
    expect(again.body).toMatchObject({ ...same, revision: revision + 1 });
    expect([updatedAt, status]).toBeDefined();
    problem(await put('readback', before), 412, 'revision-mismatch');
    const { id, ...renamed } = again.body;
    expect(places(problem(await put('readback', { id: `${id}x`, ...renamed }), 422, 'invalid'))).toEqual([
      '/id id-mismatch',
    ]);
  });
});

describe('bad input', () => {
  const withHttp = (config: object): Json => webhook({ webhook: { url: URL_A, http_config: config } });

  it.each<[string, unknown, string[]]>([
    ['an unknown field', webhook({ nmae: 'x' }), ['/nmae unknown-field']],
    [
      'an unknown nested field',
      webhook({ webhook: { url: URL_A, uri: 'x' } }),
      ['/webhook/uri unknown-field'],
    ],
    ['fields of other types of endpoints', webhook({ slack: {} }), ['/slack unknown-field']],
    ['several at once', { type: 'webhook', webhook: {} }, ['/name required', '/webhook/url required']],
    ['an unknown type', webhook({ type: 'carrier-pigeon' }), ['/type not-allowed']],
    ['no block', { name: 'a', type: 'webhook' }, ['/webhook required']],
    ['null', webhook({ description: null }), ['/description null']],
    [
      'null items',
      webhook({ notifications: { severities: ['info', null] } }),
      ['/notifications/severities/1 null'],
    ],
    ['nested null', withHttp({ proxy_url: null }), ['/webhook/http_config/proxy_url null']],
    ['a number as name', webhook({ name: 7 }), ['/name type']],
    ['an empty name', webhook({ name: '' }), ['/name out-of-range']],
    ['a long name', webhook({ name: 'x'.repeat(257) }), ['/name out-of-range']],
    ['a list as block', webhook({ webhook: [] }), ['/webhook type']],
    ['a text as block', webhook({ webhook: 'x' }), ['/webhook type']],
    ['labels that are none', webhook({ labels: { 'a b': 'x' } }), ['/labels labels']],
    ['labels that are numbers', webhook({ labels: { a: 7 } }), ['/labels labels']],
    ['a list of labels', webhook({ labels: ['a'] }), ['/labels labels']],
    [
      'a wrong severity',
      webhook({ notifications: { severities: ['info', 'fatal'] } }),
      ['/notifications/severities/1 not-allowed'],
    ],
    [
      'severities twice',
      webhook({ notifications: { severities: ['info', 'info'] } }),
      ['/notifications/severities array-unique'],
    ],
    [
      'severities as text',
      webhook({ notifications: { severities: 'info' } }),
      ['/notifications/severities type'],
    ],
    ['a flag as text', webhook({ notifications: { enabled: 'yes' } }), ['/notifications/enabled type']],
    ['a URL without scheme', webhook({ webhook: { url: 'example.org/x' } }), ['/webhook/url http-url']],
    ['another scheme', webhook({ webhook: { url: 'file:///etc/passwd' } }), ['/webhook/url http-url']],
    [
      'credentials in the URL',
      webhook({ webhook: { url: 'http://u:p@127.0.0.1/' } }),
      ['/webhook/url http-url'],
    ],
    [
      'a user name in the URL',
      webhook({ webhook: { url: 'http://u@127.0.0.1/' } }),
      ['/webhook/url http-url'],
    ],
    [
      'a template as URL',
      webhook({ webhook: { url: 'http://127.0.0.1/{{ .x }}' } }),
      ['/webhook/url http-url'],
    ],
    [
      'a newline in the URL',
      webhook({ webhook: { url: 'http://127.0.0.1/\nx' } }),
      ['/webhook/url http-url'],
    ],
    [
      'a proxy with credentials',
      withHttp({ proxy_url: 'http://u:p@127.0.0.1/' }),
      ['/webhook/http_config/proxy_url http-url'],
    ],
    ['a fraction', webhook({ webhook: { url: URL_A, max_alerts: 1.5 } }), ['/webhook/max_alerts type']],
    [
      'a negative number',
      webhook({ webhook: { url: URL_A, max_alerts: -1 } }),
      ['/webhook/max_alerts out-of-range'],
    ],
    [
      'no duration',
      webhook({ webhook: { url: URL_A, timeout: '10' } }),
      ['/webhook/timeout prometheus-duration'],
    ],
    ['a text as basic_auth', withHttp({ basic_auth: 'u:p' }), ['/webhook/http_config/basic_auth type']],
    [
      'a number as password',
      withHttp({ basic_auth: { username: 'u', password: 7 } }),
      ['/webhook/http_config/basic_auth/password type'],
    ],
    [
      'two ways to authenticate',
      withHttp({ basic_auth: { username: 'u' }, authorization: { credentials: 'x' } }),
      ['/webhook/http_config/authorization exclusive'],
    ],
    [
      'basic as scheme',
      withHttp({ authorization: { type: 'Basic' } }),
      ['/webhook/http_config/authorization/type pattern'],
    ],
    ['no PEM', withHttp({ tls_config: { ca: 'x' } }), ['/webhook/http_config/tls_config/ca not-pem']],
    [
      'a reserved header',
      withHttp({ http_headers: { Authorization: { values: ['x'] } } }),
      ['/webhook/http_config/http_headers http-headers'],
    ],
    [
      'a header with a line break',
      withHttp({ http_headers: { 'X-A': { values: ['x\r\nX-B: y'] } } }),
      ['/webhook/http_config/http_headers http-headers'],
    ],
    [
      'url_file',
      webhook({ webhook: { url_file: '/etc/passwd' } }),
      ['/webhook/url required', '/webhook/url_file unknown-field'],
    ],
    [
      'password_file',
      withHttp({ basic_auth: { username: 'u', password_file: '/etc/passwd' } }),
      ['/webhook/http_config/basic_auth/password_file unknown-field'],
    ],
    [
      'username_file',
      withHttp({ basic_auth: { username_file: '/etc/passwd' } }),
      ['/webhook/http_config/basic_auth/username_file unknown-field'],
    ],
    [
      'credentials_file',
      withHttp({ authorization: { credentials_file: '/etc/passwd' } }),
      ['/webhook/http_config/authorization/credentials_file unknown-field'],
    ],
    [
      'client_secret_file',
      withHttp({ oauth2: { client_id: 'c', token_url: URL_A, client_secret_file: '/etc/passwd' } }),
      ['/webhook/http_config/oauth2/client_secret_file unknown-field'],
    ],
    ...['ca_file', 'cert_file', 'key_file'].map((name): [string, unknown, string[]] => [
      name,
      withHttp({ tls_config: { [name]: '/etc/passwd' } }),
      [`/webhook/http_config/tls_config/${name} unknown-field`],
    ]),
    [
      'header files',
      withHttp({ http_headers: { 'X-A': { files: ['/etc/passwd'] } } }),
      ['/webhook/http_config/http_headers http-headers'],
    ],
  ])('%s is refused by its pointer', async (_, body, expected) => {
    const answers = [
      await put('bad', body),
      await gateway.request('POST', ENDPOINTS, { body }),
      await gateway.request('PUT', `${pathOf('bad')}?dryRun=true`, { body }),
    ];
    for (const answer of answers)
      expect(places(problem(answer, 422, 'invalid'))).toEqual(expected.toSorted());
    problem(await gateway.request('GET', pathOf('bad')), 404, 'not-found');
  });

  it('a template member that the endpoint test gets is refused by the same pointers below /endpoint', async () => {
    const body = { endpoint: webhook({ webhook: { url: 'x', url_file: 'y' } }) };
    const answer = await gateway.request('POST', '/api/v1/alerting/endpoint-tests', { body });
    expect(places(problem(answer, 422, 'invalid'))).toEqual([
      '/endpoint/webhook/url http-url',
      '/endpoint/webhook/url_file unknown-field',
    ]);
  });

  it.each(['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'])(
    'a member named %s is refused wherever it stands',
    async (name) => {
      for (const body of [
        `{"name":"a","type":"webhook","webhook":{"url":"${URL_A}"},"${name}":{"x":1}}`,
        `{"name":"a","type":"webhook","webhook":{"url":"${URL_A}","${name}":{}}}`,
        `{"name":"a","type":"webhook","webhook":{"url":"${URL_A}"},"labels":{"${name}":"x"}}`,
      ]) {
        const found = problem(await put('proto', body), 400, 'forbidden-member');
        expect(found.errors?.[0]?.pointer).toMatch(new RegExp(`/${name}$`));
        problem(await patch('by-put', body), 400, 'forbidden-member');
      }
      expect(({} as Json)['x']).toBeUndefined();
    },
  );

  it.each([
    '../x',
    '..',
    '%2e%2e',
    '%2e%2e%2fopni.db',
    '..%2f..%2fopni.db',
    '%00',
    'a%00b',
    'a%0Ab',
    '%ff',
    '%',
    'a%2fb',
    '.hidden',
    '-a',
    '%20',
    'a b',
    '__proto__',
    'x'.repeat(64),
    'x'.repeat(10_000),
    'ä',
    '{{.x}}',
    '*',
  ])('the id %s is refused for every method', async (id) => {
    const path = `${ENDPOINTS}/${id.replaceAll(' ', '%20').replaceAll('ä', '%C3%A4')}`;
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE']) {
      const body = method === 'PUT' ? webhook() : method === 'PATCH' ? {} : undefined;
      const { status, text } = await gateway.request(method, path, body === undefined ? {} : { body });
      expect([400, 404, 405, 414], `${method}: ${text}`).toContain(status);
    }
  });

  it('bodies that are too large, too deep, no JSON or no UTF-8 are refused, and nothing is stored', async () => {
    const large = JSON.stringify(webhook({ description: 'x'.repeat(5 * 1024 * 1024) }));
    expect(await startUpload(pathOf('body'), large)).toEqual([413, 'body-too-large']);
    const deep = `{"name":${'['.repeat(20_000)}${']'.repeat(20_000)}}`;
    problem(await put('body', deep), 400, 'body-too-deep');
    const json = { 'content-type': 'application/json' };
    for (const body of ['{', '{"name":}', '', ' ', 'x', '{"name":"a",}', "{'name':'a'}", '\ufeff{']) {
      const answer = await gateway.request('PUT', pathOf('body'), { body, headers: json });
      expect([400, 422], `${JSON.stringify(body)}: ${answer.text}`).toContain(answer.status);
    }
    for (const bytes of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0xaf]]) {
      const body = Buffer.concat([Buffer.from('{"name":"'), Buffer.from(bytes), Buffer.from('"}')]);
      problem(await gateway.request('PUT', pathOf('body'), { body, headers: json }), 400, 'malformed-body');
    }
    problem(await gateway.request('GET', pathOf('body')), 404, 'not-found');
  });
});

describe('texts that are dangerous elsewhere', () => {
  const TEXTS = [
    'line\nbreak\r\n',
    '"quotes" \'and\' `ticks`',
    '{{ .x }} {{ template "x" }} {{',
    '${HOME} $(id) %s %n',
    'a\tb\\c\\n',
    '---\n- yaml: [',
    '<script>alert(1)</script>',
    'null',
    '😀 ä 漢字 \u202e',
    '\u0001\u0007\u001b[31m',
    '\u007f\u0080\u0085\u009f\u2028\u2029\ufeff\ufffe\uffff',
  ];

  it('are read back as they were sent, and Alertmanager takes them', async () => {
    for (const [index, text] of TEXTS.entries()) {
      const id = `text-${index}`;
      const config = { basic_auth: { username: text, password: text } };
      const sent = webhook({ name: text, description: text, webhook: { url: URL_A, http_config: config } });
      const answer = await put(id, sent);
      expect(answer.status, `${JSON.stringify(text)}: ${answer.text}`).toBe(201);
      expect(await read(id)).toMatchObject({
        name: text,
        description: text,
        webhook: { http_config: { basic_auth: { username: text } } },
      });
      await accepted(id);
    }
    await expectInSync();
  });

  it.each(['\\ud800', '\\udfff', 'x\\ud800y'])(
    'half a surrogate pair (%s) is refused by its pointer, and never reaches Alertmanager',
    async (half) => {
      const basic = `{"basic_auth":{"username":"${half}","password":"${half}"}}`;
      const body = `{"name":"a","type":"webhook","webhook":{"url":"${URL_A}","http_config":${basic}}}`;
      const answer = await put('half', body);
      expect(answer.status, answer.text).toBe(400);
      expect((answer.body as unknown as Problem).errors?.map(({ pointer }) => pointer)).toEqual([
        '/webhook/http_config/basic_auth/username',
        '/webhook/http_config/basic_auth/password',
      ]);
      await expectInSync();
    },
  );
});

describe('secrets', () => {
  const SECRETS = {
    password: 'clear-password-7f3a',
    credentials: 'clear-credentials-9c1b',
    clientSecret: 'clear-client-secret-2d4e',
    header: 'clear-header-5e6f',
  };
  const secretBlocks: Record<string, Json> = {
    'secret-basic': { basic_auth: { username: 'u', password: SECRETS.password } },
    'secret-token': {
      authorization: { type: 'Bearer', credentials: SECRETS.credentials },
      http_headers: { 'X-Key': { values: ['open'], secrets: [SECRETS.header] } },
    },
    'secret-oauth': {
      oauth2: { client_id: 'c', client_secret: SECRETS.clientSecret, token_url: URL_B },
    },
  };
  const withConfig = (config: Json, url = URL_A): Json => webhook({ webhook: { url, http_config: config } });

  it('never leave the gateway: not in answers, lists, the routing, errors, the log or files', async () => {
    const answers: string[] = [];
    for (const [id, config] of Object.entries(secretBlocks)) {
      answers.push((await put(id, withConfig(config))).text);
      answers.push((await gateway.request('GET', pathOf(id))).text);
      answers.push((await put(id, await read(id))).text);
      answers.push((await patch(id, { description: 'x' })).text);
      answers.push((await put(id, { ...withConfig(config), unknown: 1 })).text);
      const dryRun = await gateway.request('PUT', `${pathOf(id)}?dryRun=true`, { body: withConfig(config) });
      answers.push(dryRun.text);
      answers.push((await put(id, JSON.stringify(withConfig(config)).slice(0, -1))).text);
      await accepted(id);
    }
    const paths = [
      `${ENDPOINTS}?limit=500`,
      '/api/v1/alerting/routing/config',
      '/api/v1/alerting/members',
      '/api/v1/alerting/status',
      '/api/v1/drivers/local/manifests',
      '/api/v1/drivers/local/workloads',
      '/api/v1/operations',
      '/api/v1/alerting/alertmanager/api/v2/status',
      '/metrics',
    ];
    for (const path of paths) answers.push((await gateway.request('GET', path)).text);
    for (const secret of Object.values(SECRETS)) {
      for (const text of [...answers, gateway.output]) expect(text).not.toContain(secret);
    }
    expect(await read('secret-basic')).toMatchObject({
      webhook: { http_config: { basic_auth: { username: 'u', password: '***' } } },
    });
    expect(await read('secret-token')).toMatchObject({
      webhook: {
        http_config: {
          authorization: { credentials: '***' },
          http_headers: { 'X-Key': { values: ['open'], secrets: ['***'] } },
        },
      },
    });
    expect(await read('secret-oauth')).toMatchObject({
      webhook: { http_config: { oauth2: { client_secret: '***' } } },
    });
    await expectInSync();

    // In clear they stand in what Alertmanager reads, and there only.
    const holders = filesOf(gateway.dataDir).filter((file) =>
      Object.values(SECRETS).some((secret) => readFileSync(file).includes(secret)),
    );
    const companion = join('local', 'alerting', 'controller-0', 'companion');
    expect(holders.map((file) => relative(gateway.dataDir, file)).toSorted()).toEqual([
      join(companion, 'alertmanager.yml'),
      join(companion, 'canonical.json'),
    ]);
    for (const file of holders) expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('are kept by ***, also when other fields change, and really go on being used', async () => {
    const rendered = (): string =>
      readFileSync(join(gateway.dataDir, 'local/alerting/controller-0/companion/alertmanager.yml'), 'utf8');
    await put('keep', withConfig({ basic_auth: { username: 'u', password: 'kept-password-31' } }));
    await put('keep', { ...withConfig({ basic_auth: { username: 'v', password: '***' } }), name: 'new' });
    await patch('keep', { webhook: { max_alerts: 3 } });
    await accepted('keep');
    expect(rendered()).toContain('kept-password-31');
    await patch('keep', { webhook: { http_config: { basic_auth: { password: 'other-password-32' } } } });
    await accepted('keep');
    expect(rendered()).not.toContain('kept-password-31');
    expect(rendered()).toContain('other-password-32');
    await patch('keep', { webhook: { http_config: { basic_auth: { password: null } } } });
    await accepted('keep');
    expect(rendered()).not.toContain('other-password-32');
    expect((await read('keep')).webhook.http_config).toEqual({ basic_auth: { username: 'v' } });
  });

  it('cannot be kept where none is stored', async () => {
    const body = withConfig({ basic_auth: { username: 'u', password: '***' } });
    const expected = ['/webhook/http_config/basic_auth/password secret-missing'];
    expect(places(problem(await put('missing', body), 422, 'secret-missing'))).toEqual(expected);
    expect(
      places(problem(await gateway.request('POST', ENDPOINTS, { body }), 422, 'secret-missing')),
    ).toEqual(expected);
    problem(await gateway.request('GET', pathOf('missing')), 404, 'not-found');
    await put('missing', webhook());
    problem(await put('missing', body), 422, 'secret-missing');
    const inline = await gateway.request('POST', '/api/v1/alerting/endpoint-tests', {
      body: { endpoint: body },
    });
    expect(places(problem(inline, 422, 'secret-required'))).toEqual([
      '/endpoint/webhook/http_config/basic_auth/password secret-required',
    ]);
  });

  it.each<[string, Json]>([
    ['url', { url: URL_B }],
    ['a proxy', { url: URL_A, http_config: { proxy_url: URL_B } }],
    ['another name to verify', { url: URL_A, http_config: { tls_config: { server_name: 'evil.invalid' } } }],
    ['no verification', { url: URL_A, http_config: { tls_config: { insecure_skip_verify: true } } }],
  ])('have to be sent again when the destination changes (%s)', async (name, change) => {
    const id = `required-${name.replaceAll(' ', '-')}`;
    const basic = (password: string): Json => ({ basic_auth: { username: 'u', password } });
    await put(id, withConfig(basic('required-password')));
    const config = (password: string): Json => ({
      webhook: {
        ...change,
        http_config: { ...(change['http_config'] as Json | undefined), ...basic(password) },
      },
    });
    const expected = ['/webhook/http_config/basic_auth/password secret-required'];
    expect(places(problem(await patch(id, { webhook: change }), 422, 'secret-required'))).toEqual(expected);
    expect(places(problem(await put(id, webhook(config('***'))), 422, 'secret-required'))).toEqual(expected);
    expect((await read(id)).revision).toBe(1);
    expect((await put(id, webhook(config('required-password')))).status).toBe(200);
  });

  it('cannot be copied from another endpoint by its sealed text', async () => {
    const sealed = /sealed:v1:[A-Za-z0-9:_-]+/.exec(
      readFileSync(join(gateway.dataDir, 'opni.db'), 'latin1'),
    )?.[0];
    // The newest writes may still stand in the write-ahead log only.
    const text =
      sealed ??
      /sealed:v1:[A-Za-z0-9:_-]+/.exec(readFileSync(join(gateway.dataDir, 'opni.db-wal'), 'latin1'))?.[0];
    expect(text).toBeDefined();
    const answer = await put('stolen', withConfig({ basic_auth: { username: 'u', password: text } }));
    expect(answer.status).toBe(422);
    expect(places(answer.body as unknown as Problem)).toEqual([
      '/webhook/http_config/basic_auth/password invalid-secret',
    ]);
  });
});

describe('lists', () => {
  beforeAll(async () => {
    for (let n = 0; n < 7; n += 1) {
      const labels = { list: 'yes', parity: n % 2 === 0 ? 'even' : 'odd', ...(n === 3 ? { extra: '' } : {}) };
      await put(`list-${n}`, webhook({ labels }));
    }
  });
  const list = (query: string): Promise<GatewayAnswer<{ items: EndpointBody[]; next: string | null }>> =>
    gateway.request('GET', `${ENDPOINTS}?${query}`);
  const ids = async (query: string): Promise<string[]> => (await list(query)).body.items.map(({ id }) => id);

  it('are ordered by id and walked by cursor, each item once', async () => {
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: GatewayAnswer<{ items: EndpointBody[]; next: string | null }> = await list(
        `limit=3&labelSelector=list%3Dyes${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
      );
      expect(page.status, page.text).toBe(200);
      expect(page.body.items.length).toBeLessThanOrEqual(3);
      seen.push(...page.body.items.map(({ id }) => id));
      cursor = page.body.next;
    } while (cursor !== null);
    expect(seen).toEqual(Array.from({ length: 7 }, (_, n) => `list-${n}`));
  });

  it('do not skip what stays when items are removed and added while walking', async () => {
    const first = await list('limit=3&labelSelector=list');
    await gateway.request('DELETE', pathOf('list-1'));
    await put('list-00', webhook({ labels: { list: 'yes' } }));
    const rest = await ids(
      `limit=500&labelSelector=list&cursor=${encodeURIComponent(first.body.next ?? '')}`,
    );
    expect(rest).toEqual(['list-3', 'list-4', 'list-5', 'list-6']);
    await gateway.request('DELETE', pathOf('list-00'));
    await put('list-1', webhook({ labels: { list: 'yes', parity: 'odd' } }));
  });

  it.each([
    ['parity=even', [0, 2, 4, 6]],
    ['parity==odd', [1, 3, 5]],
    ['list,parity!=odd', [0, 2, 4, 6]],
    ['list,parity in (odd)', [1, 3, 5]],
    ['list,parity notin (odd,x)', [0, 2, 4, 6]],
    ['extra', [3]],
    ['list,!extra,parity=odd', [1, 5]],
    ['list=no', []],
  ])('are selected by %s', async (selector, expected) => {
    expect(await ids(`labelSelector=${encodeURIComponent(selector)}`)).toEqual(
      expected.map((n) => `list-${n}`),
    );
  });

  it.each([
    ['limit=0', 422],
    ['limit=501', 422],
    ['limit=-1', 422],
    ['limit=x', 400],
    ['limit=1.5', 400],
    ['limit=1&limit=2', 400],
    ['labelSelector=a%20b', 400],
    ['labelSelector=in%20(', 400],
    ['cursor=nonsense', 400],
    ['page=2', 400],
  ])('refuse ?%s with %i', async (query, status) => {
    const answer = await list(query);
    expect(answer.status, answer.text).toBe(status);
  });
});

describe('dryRun', () => {
  it('answers as the real call would and stores nothing', async () => {
    const created = await gateway.request<EndpointBody>('PUT', `${pathOf('dry')}?dryRun=true`, {
      body: webhook(),
    });
    const conditions = [{ type: 'Accepted', status: 'Unknown', reason: 'DryRun' }];
    expect(created.body).toMatchObject({ id: 'dry', revision: 1, status: { conditions } });
    problem(await gateway.request('GET', pathOf('dry')), 404, 'not-found');
    const before = (await gateway.get<{ items: Json[] }>(`${ENDPOINTS}?limit=500`)).items.length;
    expect((await gateway.request('POST', `${ENDPOINTS}?dryRun=true`, { body: webhook() })).status).toBe(200);
    expect((await gateway.get<{ items: Json[] }>(`${ENDPOINTS}?limit=500`)).items.length).toBe(before);
    await put('dry', webhook());
    const routing = await gateway.get('/api/v1/alerting/routing/config');
    const changed = await gateway.request<EndpointBody>('PATCH', `${pathOf('dry')}?dryRun=true`, {
      body: { name: 'new', notifications: { enabled: true } },
    });
    expect(changed.body).toMatchObject({ name: 'new', revision: 2 });
    expect(await read('dry')).toMatchObject({ name: 'a', revision: 1 });
    expect(await gateway.get('/api/v1/alerting/routing/config')).toEqual(routing);
  });

  it('holds preconditions and validation', async () => {
    await put('dry-pre', webhook());
    const stale = { body: webhook(), headers: { 'if-match': '"7"' } };
    problem(
      await gateway.request('PUT', `${pathOf('dry-pre')}?dryRun=true`, stale),
      412,
      'revision-mismatch',
    );
    const exists = { body: webhook(), headers: { 'if-none-match': '*' } };
    expect((await gateway.request('PUT', `${pathOf('dry-pre')}?dryRun=true`, exists)).status).toBe(412);
    problem(
      await gateway.request('PUT', `${pathOf('dry')}?dryRun=maybe`, { body: webhook() }),
      400,
      'invalid-parameter',
    );
  });
});

/** Announces a body and sends its beginning only: the answer to one that is too large comes before the rest. */
async function startUpload(path: string, body: string): Promise<[number | undefined, string]> {
  const request = http.request(`${gateway.url}${path}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
  });
  request.write(body.slice(0, 1000));
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  const text = Buffer.concat(await response.toArray()).toString();
  request.destroy();
  return [response.statusCode, (JSON.parse(text) as Problem).code];
}

async function expectInSync(): Promise<void> {
  await eventually('every member runs what the store says', async () => {
    const { sha256 } = await gateway.get('/api/v1/alerting/routing/config');
    const { items } = await gateway.get<{ items: Json[] }>('/api/v1/alerting/members');
    if (items.length > 0 && items.every((item) => item['inSync'] === true && item['configHash'] === sha256))
      return true;
    throw new Error(JSON.stringify(items));
  });
}

function filesOf(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
