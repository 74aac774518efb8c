import { execFile } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Message } from '../../src/alertmanager-companion/companion-api.js';
import { ALERTMANAGER_TIMEOUT_MS, alertmanagerBinaries } from '../support/alertmanager.js';
import { call } from '../support/companion.js';
import { eventually } from '../support/eventually.js';
import { freePort } from '../support/free-port.js';
import { GatewayUnderTest, processesOf, type Json, type Problem } from '../support/gateway.js';
import { tempDir } from '../support/temp-dir.js';
import { WebhookCollector } from '../support/webhook-collector.js';

const ALERTING = '/api/v1/alerting';
const MEMBER = 'controller-0';

let gateway: GatewayUnderTest;
let receiver: WebhookCollector;

beforeAll(async () => {
  [gateway, receiver] = await Promise.all([GatewayUnderTest.start(), WebhookCollector.start()]);
  await gateway.untilRunning();
}, ALERTMANAGER_TIMEOUT_MS);
afterAll(async () => {
  await gateway.dispose();
  await receiver.close();
});

interface Member {
  name: string;
  pid: number;
  configHash: string | null;
  inSync: boolean;
  lastError: string | null;
  version: string;
  peers: number;
}

interface NotificationBody extends Json {
  id: string;
  deliveries: { member: string; receivedAt: string }[];
  status: { phase: string; activeUntil: string | null };
}

interface TestResult {
  delivered: boolean;
  statusCode: number | null;
  latency: number | null;
  response: string | null;
  error: string | null;
}

interface OperationBody extends Json {
  id: string;
  phase: string;
  error: { code: string; detail: string } | null;
}

const broadcast = (severities?: string[]): Json => ({
  notifications: { enabled: true, ...(severities === undefined ? {} : { severities }) },
});

/** Puts an endpoint that delivers to its own id as path, and waits until every member runs a configuration with it. */
async function endpoint(id: string, change: Json = {}, at: GatewayUnderTest = gateway): Promise<void> {
  const body = { name: id, type: 'webhook', webhook: { url: `${receiver.url}/${id}` }, ...change };
  const answer = await at.request('PUT', `${ALERTING}/endpoints/${id}`, { body });
  if (answer.status !== 200 && answer.status !== 201) throw new Error(answer.text);
  await accepted(id, at);
}

async function accepted(id: string, at: GatewayUnderTest = gateway): Promise<void> {
  await eventually(`${id} is accepted`, async () => {
    const { revision, status } = await at.get<{
      revision: number;
      status: { conditions: { status: string; observedGeneration: number }[] };
    }>(`${ALERTING}/endpoints/${id}`);
    const [condition] = status.conditions;
    return condition?.status === 'True' && condition.observedGeneration === revision;
  });
}

async function remove(...ids: string[]): Promise<void> {
  for (const id of ids) await gateway.request('DELETE', `${ALERTING}/endpoints/${id}`);
}

/** @returns its id, after 201 */
async function push(title: string, change: Json = {}, at: GatewayUnderTest = gateway): Promise<string> {
  const body = { title, body: `the body of ${title}`, severity: 'critical', ...change };
  const answer = await at.request<NotificationBody>('POST', `${ALERTING}/notifications`, { body });
  expect(answer.status, answer.text).toBe(201);
  expect(answer.headers['location']).toBe(`${ALERTING}/notifications/${answer.body.id}`);
  return answer.body.id;
}

let fences = 0;

/** A title that no other test waits for. */
function fence(): string {
  fences += 1;
  return `fence ${fences}`;
}

/** Of these titles, those that arrived at a path, in order, with repetitions. */
function arrivals(path: string, titles: string[]): (string | undefined)[] {
  return receiver.titlesAt(path).filter((title) => title !== undefined && titles.includes(title));
}

function notification(id: string): Promise<NotificationBody> {
  return gateway.get<NotificationBody>(`${ALERTING}/notifications/${id}`);
}

async function arrivedAt(path: string, title: string, timeout?: number): Promise<void> {
  await eventually(`${title} at ${path}`, () => receiver.titlesAt(path).includes(title), timeout);
}

async function member(at: GatewayUnderTest = gateway): Promise<Member> {
  const { items } = await at.get<{ items: Member[] }>(`${ALERTING}/members`);
  const [found] = items;
  if (found === undefined) throw new Error('there is no member');
  return found;
}

const companionFile = (name: string, at: GatewayUnderTest = gateway): string =>
  join(at.dataDir, 'local', 'alerting', MEMBER, 'companion', name);

/** The embedded server's ring, asked as the gateway asks. */
async function messages(): Promise<Message[]> {
  const { items } = await gateway.get<{ items: { address: string }[] }>(`${ALERTING}/members`);
  const tls = (name: string): string =>
    readFileSync(join(gateway.dataDir, 'local', 'alerting', MEMBER, 'tls', name), 'utf8');
  const answer = await call(`${items[0]?.address}/v1/messages?after=0&limit=1000`, 'GET', {
    tls: { ca: tls('ca.crt'), cert: tls('tls.crt'), key: tls('tls.key') },
  });
  return answer.json<{ items: Message[] }>().items;
}

async function testEndpoint(body: Json): Promise<TestResult> {
  const answer = await gateway.request<TestResult>('POST', `${ALERTING}/endpoint-tests`, { body });
  expect(answer.status, answer.text).toBe(200);
  return answer.body;
}

const inline = (url: string, http?: Json): Json => ({
  endpoint: { name: 'inline', type: 'webhook', webhook: { url, ...(http ? { http_config: http } : {}) } },
});

describe('an endpoint test', () => {
  it('of a stored endpoint really delivers, each time', async () => {
    await endpoint('stored');
    for (let n = 1; n <= 3; n += 1) {
      const result = await testEndpoint({ endpointId: 'stored' });
      expect(result).toMatchObject({ delivered: true, statusCode: 200, error: null });
      expect(result.latency).toBeGreaterThanOrEqual(0);
      expect(receiver.at('/stored')).toHaveLength(n);
    }
    const payloads = receiver.alertsAt('/stored');
    expect(payloads.map(({ status }) => status)).toEqual(['firing', 'firing', 'firing']);
    expect(new Set(payloads.map(({ labels }) => labels['opni_test_id'])).size).toBe(3);
    await remove('stored');
  });

  it('that run at the same time deliver one alert each', async () => {
    const results = await Promise.all(
      ['/same-0', '/same-1', '/same-2'].map((path) => testEndpoint(inline(`${receiver.url}${path}`))),
    );
    expect(results.map(({ delivered }) => delivered)).toEqual([true, true, true]);
    for (const path of ['/same-0', '/same-1', '/same-2']) expect(receiver.at(path)).toHaveLength(1);
  });

  it('that is not stored is stored by nobody', async () => {
    const before = await gateway.get(`${ALERTING}/endpoints`);
    const routing = await gateway.get(`${ALERTING}/routing/config`);
    const result = await testEndpoint(inline(`${receiver.url}/inline?x=1&y=a%20b`));
    expect(result).toMatchObject({ delivered: true, statusCode: 200 });
    expect(receiver.received.at(-1)).toMatchObject({ method: 'POST', path: '/inline?x=1&y=a%20b' });
    expect(await gateway.get(`${ALERTING}/endpoints`)).toEqual(before);
    expect(await gateway.get(`${ALERTING}/routing/config`)).toEqual(routing);
  });

  it.each<[number, string]>([
    [500, 'broken'],
    [404, 'nobody here'],
    [429, 'slow down'],
    [401, 'who are you'],
  ])('says that the receiver answered %i, and what, after one delivery', async (status, body) => {
    const path = `/answers-${status}`;
    receiver.respond(path, { status, body });
    const result = await testEndpoint(inline(`${receiver.url}${path}`));
    expect(result).toMatchObject({ delivered: false, statusCode: status, response: body });
    expect(result.error).toContain(String(status));
    expect(receiver.at(path)).toHaveLength(1);
  });

  it('says that nothing listens, and where', async () => {
    const port = await freePort();
    const result = await testEndpoint(inline(`http://127.0.0.1:${port}/secret-path`));
    expect(result).toMatchObject({ delivered: false, statusCode: null, latency: null, response: null });
    expect(result.error).toContain(`127.0.0.1:${port}`);
    expect(result.error).not.toContain('secret-path');
  });

  it('says that the receiver closed the connection', async () => {
    receiver.respond('/closes', 'close');
    expect(await testEndpoint(inline(`${receiver.url}/closes`))).toMatchObject({
      delivered: false,
      statusCode: null,
    });
  });

  it('ends when the receiver never answers', async () => {
    receiver.respond('/hangs', 'hang');
    const result = await testEndpoint(inline(`${receiver.url}/hangs`));
    expect(result).toMatchObject({ delivered: false, statusCode: null });
    expect(result.error).toMatch(/\w/);
    expect(receiver.at('/hangs')).toHaveLength(1);
  });

  it('sends secrets in clear, not as a placeholder', async () => {
    await endpoint('bearer', {
      webhook: {
        url: `${receiver.url}/bearer`,
        http_config: {
          authorization: { credentials: 'token-81f2' },
          http_headers: { 'X-Api-Key': { secrets: ['key-92a3'] } },
        },
      },
    });
    await endpoint('basic', {
      webhook: {
        url: `${receiver.url}/basic`,
        http_config: { basic_auth: { username: 'user', password: 'pass-73c4' } },
      },
    });
    const basic = `Basic ${Buffer.from('user:pass-73c4').toString('base64')}`;
    await testEndpoint({ endpointId: 'bearer' });
    await testEndpoint({ endpointId: 'basic' });
    await push('with secrets', { endpoints: [{ id: 'bearer' }, { id: 'basic' }] });
    await arrivedAt('/bearer', 'with secrets');
    await arrivedAt('/basic', 'with secrets');
    expect(receiver.at('/bearer')).toHaveLength(2);
    for (const { headers } of receiver.at('/bearer')) {
      expect(headers).toMatchObject({ authorization: 'Bearer token-81f2', 'x-api-key': 'key-92a3' });
    }
    expect(receiver.at('/basic').map(({ headers }) => headers.authorization)).toEqual([basic, basic]);
    await remove('bearer', 'basic');
  });

  it('of no endpoint, of both, and of an unknown one is refused', async () => {
    const refused = async (body: Json): Promise<[number, string, string[]]> => {
      const answer = await gateway.request<Problem>('POST', `${ALERTING}/endpoint-tests`, { body });
      return [answer.status, answer.body.code, (answer.body.errors ?? []).map(({ pointer = '' }) => pointer)];
    };
    expect(await refused({})).toEqual([422, 'invalid', ['/endpointId']]);
    expect(await refused({ endpointId: 'x', ...inline(receiver.url) })).toEqual([
      422,
      'invalid',
      ['/endpoint'],
    ]);
    expect(await refused({ endpointId: '../x' })).toEqual([422, 'invalid', ['/endpointId']]);
    expect((await refused({ endpointId: 'no-such' })).slice(0, 2)).toEqual([404, 'not-found']);
  });
});

describe('a notification', () => {
  it('without endpoints reaches those that opted in for its severity, each once', async () => {
    await endpoint('all', broadcast());
    await endpoint('errors-only', broadcast(['error', 'critical']));
    await endpoint('info-only', broadcast(['info']));
    await endpoint('opted-out');
    const id = await push('fire', { labels: { site: 'north' }, goldenSignal: 'latency' });
    await arrivedAt('/all', 'fire');
    await arrivedAt('/errors-only', 'fire');
    // A group waits 5 s for errors: critical groups have been flushed about five times when this one arrives.
    const last = fence();
    await push(last, { severity: 'error' });
    await arrivedAt('/all', last, 20_000);
    await arrivedAt('/errors-only', last);
    expect(arrivals('/all', ['fire', last])).toEqual(['fire', last]);
    expect(arrivals('/errors-only', ['fire', last])).toEqual(['fire', last]);
    expect(arrivals('/info-only', ['fire', last])).toEqual([]);
    expect(receiver.titlesAt('/opted-out')).toEqual([]);
    expect(receiver.alertsAt('/all').find(({ labels }) => labels['alertname'] === 'fire')).toMatchObject({
      status: 'firing',
      labels: {
        alertname: 'fire',
        site: 'north',
        opni_notification_id: id,
        opni_severity: 'critical',
        opni_golden_signal: 'latency',
      },
      annotations: { summary: 'fire', description: 'the body of fire' },
    });
    await remove('all', 'errors-only', 'info-only', 'opted-out');
  });

  it('reaches nobody who opts in after it was pushed, and says whom it went to', async () => {
    await endpoint('before', broadcast());
    await endpoint('later', broadcast(['info']));
    const id = await push('old news');
    await arrivedAt('/before', 'old news');
    await endpoint('after', broadcast());
    await endpoint('later', broadcast());
    const last = fence();
    await push(last, { severity: 'error' });
    await arrivedAt('/after', last, 20_000);
    await arrivedAt('/later', last);
    expect(receiver.titlesAt('/after')).toEqual([last]);
    expect(receiver.titlesAt('/later')).toEqual([last]);
    expect(await notification(id)).toMatchObject({ endpoints: [], recipients: 1 });
    await remove('before', 'after', 'later');
  });

  it('with endpoints reaches exactly these, whatever they opted in for', async () => {
    await endpoint('named');
    await endpoint('named.too', broadcast(['info']));
    await endpoint('named-not', broadcast());
    await endpoint('name', broadcast());
    await push('to two', { endpoints: [{ id: 'named.too' }, { id: 'named' }] });
    await arrivedAt('/named', 'to two');
    await arrivedAt('/named.too', 'to two');
    await push('to all', {});
    await arrivedAt('/named-not', 'to all');
    await arrivedAt('/name', 'to all');
    const last = fence();
    await push(last, { severity: 'error', endpoints: [{ id: 'named' }, { id: 'named.too' }] });
    await arrivedAt('/named', last, 20_000);
    await arrivedAt('/named.too', last);
    expect(receiver.titlesAt('/named')).toEqual(['to two', last]);
    const titles = ['to two', 'to all', last];
    expect(arrivals('/named.too', titles)).toEqual(['to two', last]);
    expect(arrivals('/named-not', titles)).toEqual(['to all']);
    expect(arrivals('/name', titles)).toEqual(['to all']);
    await remove('named', 'named.too', 'named-not', 'name');
  });

  it('to endpoints that do not exist is refused by pointer and not stored', async () => {
    const before = await gateway.get(`${ALERTING}/notifications?limit=500`);
    const body = { title: 'x', body: 'y', endpoints: [{ id: 'no-such' }, { id: '../etc' }] };
    const shape = await gateway.request<Problem>('POST', `${ALERTING}/notifications`, { body });
    expect([shape.status, shape.body.errors?.map(({ pointer }) => pointer)]).toEqual([
      422,
      ['/endpoints/1/id'],
    ]);
    const unknown = await gateway.request<Problem>('POST', `${ALERTING}/notifications`, {
      body: { ...body, endpoints: [{ id: 'no-such' }] },
    });
    expect(unknown.body.errors?.map(({ pointer, code }) => `${pointer} ${code}`)).toEqual([
      '/endpoints/0/id unknown-endpoint',
    ]);
    expect(await gateway.get(`${ALERTING}/notifications?limit=500`)).toEqual(before);
  });

  it.each<[Json, string]>([
    [{ title: '' }, '/title'],
    [{ body: 7 }, '/body'],
    [{ severity: 'fatal' }, '/severity'],
    [{ goldenSignal: 'x' }, '/goldenSignal'],
    [{ labels: { opni_severity: 'critical' } }, '/labels'],
    [{ labels: { 'a-b': 'x' } }, '/labels'],
    [{ endpoints: [null] }, '/endpoints/0'],
    [{ endpoints: [{ id: 'a' }, { id: 'a' }] }, '/endpoints'],
    [{ endpoints: [{ id: 'a', x: 1 }] }, '/endpoints/0/x'],
    [{ endpoints: 'a' }, '/endpoints'],
    [{ extra: 1 }, '/extra'],
  ])('%j is refused at %s', async (change, pointer) => {
    const answer = await gateway.request<Problem>('POST', `${ALERTING}/notifications`, {
      body: { title: 'x', body: 'y', ...change },
    });
    expect(answer.status, answer.text).toBe(422);
    expect(answer.body.errors?.map((error) => error.pointer)).toEqual([pointer]);
  });

  it('arrives as it was written, templates and all', async () => {
    await endpoint('verbatim');
    const titles = [
      '{{ .x }} {{ template "a" }}',
      'line\nbreak "quotes" \\ \'x\'',
      '😀 漢字 \u202e',
      '{a="b"}',
    ];
    for (const title of titles) await push(title, { body: title, endpoints: [{ id: 'verbatim' }] });
    for (const title of titles) await arrivedAt('/verbatim', title);
    expect(
      receiver
        .alertsAt('/verbatim')
        .map(({ annotations }) => String(annotations['description']))
        .toSorted(),
    ).toEqual(titles.toSorted());
    await remove('verbatim');
  });

  it('is listed by severity, golden signal and time, in pages', async () => {
    const from = new Date().toISOString();
    const ids = [
      await push('list 0', { severity: 'info', goldenSignal: 'traffic', labels: { list: 'yes' } }),
      await push('list 1', { severity: 'warning', goldenSignal: 'errors', labels: { list: 'yes' } }),
      await push('list 2', { severity: 'critical', goldenSignal: 'errors', labels: { list: 'yes' } }),
    ];
    const list = async (query: string): Promise<string[]> => {
      const { items } = await gateway.get<{ items: { id: string }[] }>(`${ALERTING}/notifications?${query}`);
      return items.map(({ id }) => id);
    };
    const since = `from=${encodeURIComponent(from)}`;
    expect(await list(since)).toEqual(ids);
    expect(await list(`${since}&severity=info,critical`)).toEqual([ids[0], ids[2]]);
    expect(await list(`${since}&goldenSignal=errors`)).toEqual([ids[1], ids[2]]);
    expect(await list(`${since}&severity=warning&goldenSignal=traffic`)).toEqual([]);
    expect(await list(`to=${encodeURIComponent(from)}&labelSelector=list`)).toEqual([]);
    expect(await list('labelSelector=list%3Dyes')).toEqual(ids);
    const walked: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page: { items: { id: string }[]; next: string | null } = await gateway.get(
        `${ALERTING}/notifications?limit=1&${since}&severity=info,critical${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
      );
      walked.push(...page.items.map(({ id }) => id));
      cursor = page.next;
    }
    expect(walked).toEqual([ids[0], ids[2]]);
    for (const query of [
      'severity=fatal',
      'goldenSignal=x',
      'from=yesterday',
      'to=2026',
      'to=2026-02-30T00:00:00Z',
      'limit=0',
    ]) {
      expect((await gateway.request('GET', `${ALERTING}/notifications?${query}`)).status, query).toBe(422);
    }
  });

  it('waits for others of its group by severity, as the routing says', async () => {
    const { config } = await gateway.get<{ config: { route: { routes: Json[] } } }>(
      `${ALERTING}/routing/config`,
    );
    const severities = config.route.routes.flatMap((route) => (route['routes'] as Json[] | undefined) ?? []);
    expect(severities.map((route) => [(route['matchers'] as string[])[0], route['group_wait']])).toEqual([
      ['opni_severity="info"', '30s'],
      ['opni_severity="warning"', '10s'],
      ['opni_severity="error"', '5s'],
      ['opni_severity="critical"', '0s'],
    ]);
  });
});

describe('in half a calm minute', () => {
  it('nothing is delivered twice, and nothing is written again', { timeout: 120_000 }, async () => {
    await endpoint('calm', broadcast());
    const files = ['alertmanager.yml', 'canonical.json'].map((name) => companionFile(name));
    const stamps = (): string[] =>
      files.map((file) => {
        const { ino, mtimeMs, ctimeMs } = statSync(file);
        return `${ino} ${mtimeMs} ${ctimeMs}`;
      });
    const before = stamps();
    const critical = await push('calm critical');
    const started = Date.now();
    // It waits 30 s for others: two passes that look for drift, and two that post again, end before it arrives.
    const info = await push('calm info', { severity: 'info' });
    await arrivedAt('/calm', 'calm critical');
    expect(Date.now() - started).toBeLessThan(10_000);
    await arrivedAt('/calm', 'calm info', 60_000);
    expect(Date.now() - started).toBeGreaterThan(29_000);
    const titles = ['calm critical', 'calm info'];
    expect(arrivals('/calm', titles)).toEqual(titles);
    expect(stamps()).toEqual(before);
    const inRing = (await messages()).filter(({ labels }) =>
      [critical, info].includes(labels['opni_notification_id'] ?? ''),
    );
    expect(inRing.map(({ deliveries, status }) => [deliveries, status])).toEqual([
      [1, 'firing'],
      [1, 'firing'],
    ]);
    for (const id of [critical, info]) {
      const { deliveries, status } = await notification(id);
      expect(deliveries.map((delivery) => delivery.member)).toEqual([MEMBER]);
      expect(status.phase).toBe('active');
    }
    await remove('calm');
  });
});

describe('a receiver that is not there', () => {
  it('gets what it missed when it comes up', { timeout: 120_000 }, async () => {
    const late = await WebhookCollector.start({ port: await freePort(), listening: false });
    onTestFinished(() => late.close());
    await endpoint('late', { webhook: { url: `${late.url}/late` }, ...broadcast() });
    await endpoint('early', broadcast());
    const id = await push('missed');
    await arrivedAt('/early', 'missed');
    await eventually(
      'the embedded server has it',
      async () => (await notification(id)).deliveries.length === 1,
    );
    await eventually(
      'Alertmanager has tried in vain',
      async () => {
        const { text } = await call(`http://127.0.0.1:${alertmanagerPort()}/metrics`, 'GET');
        return (
          /^alertmanager_notification_requests_failed_total\{.*receiver_name="opni_endpoint_late".*\} [1-9]/m.test(
            text,
          ) || /^alertmanager_notification_requests_failed_total\{integration="webhook".*\} [1-9]/m.test(text)
        );
      },
      30_000,
    );
    await late.listen();
    await eventually('the late one has it', () => late.titlesAt('/late').includes('missed'), 60_000);
    expect(arrivals('/early', ['missed'])).toEqual(['missed']);
    await remove('late', 'early');
  });

  it('that answers 503 at first gets it again, and only until it took it', { timeout: 120_000 }, async () => {
    receiver.respond('/flaky', 503);
    await endpoint('flaky');
    await push('again', { endpoints: [{ id: 'flaky' }] });
    await eventually('it was tried twice', () => receiver.at('/flaky').length >= 2, 30_000);
    receiver.respond('/flaky', 200);
    const tries = receiver.at('/flaky').length;
    await eventually('it was tried again', () => receiver.at('/flaky').length > tries, 60_000);
    const taken = receiver.at('/flaky').length;
    const last = fence();
    await push(last, { severity: 'error', endpoints: [{ id: 'flaky' }] });
    await arrivedAt('/flaky', last, 30_000);
    expect(receiver.titlesAt('/flaky').filter((title) => title === 'again')).toHaveLength(taken);
    await remove('flaky');
  });
});

describe('a changed endpoint', () => {
  it('is rolled out: every member proves the configuration that the routing shows', async () => {
    const before = await member();
    await endpoint('moving', { webhook: { url: `${receiver.url}/moving-1` } });
    await endpoint('moving', { webhook: { url: `${receiver.url}/moving-2` } });
    const { sha256 } = await gateway.get(`${ALERTING}/routing/config`);
    const after = await member();
    expect(after).toMatchObject({
      configHash: sha256,
      inSync: true,
      lastError: null,
      version: '0.31.1',
      peers: 1,
    });
    expect(after.pid).toBe(before.pid);
    expect(after.configHash).not.toBe(before.configHash);
    await push('moved', { endpoints: [{ id: 'moving' }] });
    await arrivedAt('/moving-2', 'moved');
    expect(receiver.at('/moving-1')).toEqual([]);
    await remove('moving');
    await eventually('the removal is rolled out', async () => (await member()).inSync);
    expect(readFileSync(companionFile('alertmanager.yml'), 'utf8')).not.toContain('moving-2');
  });

  it('that Alertmanager need not know is not written again', async () => {
    await endpoint('described', { ...broadcast() });
    const stamp = (): string => {
      const { ino, mtimeMs } = statSync(companionFile('alertmanager.yml'));
      return `${ino} ${mtimeMs}`;
    };
    const before = stamp();
    for (let n = 0; n < 5; n += 1) await endpoint('described', { ...broadcast(), description: `text ${n}` });
    expect(stamp()).toBe(before);
    await remove('described');
  });
});

describe("Alertmanager's own API", () => {
  const API = `${ALERTING}/alertmanager/api/v2`;
  const run = promisify(execFile);

  async function amtool(...args: string[]): Promise<string> {
    const binaries = await alertmanagerBinaries();
    const url = `--alertmanager.url=${gateway.url}${ALERTING}/alertmanager`;
    const { stdout } = await run(binaries.amtool, [url, ...args], { env: {}, timeout: 20_000 });
    return stdout;
  }

  it('serves amtool: alerts and silences are added, queried and expired', async () => {
    await amtool('alert', 'add', 'DiskFull', 'instance=node-3', 'severity=page', '--annotation=summary=97 %');
    const queried = async (): Promise<string> => amtool('alert', 'query', 'alertname=DiskFull', '-o', 'json');
    const [alert] = await eventually('it is there', async () => {
      const alerts = JSON.parse(await queried()) as { labels: Json; annotations: Json; status: Json }[];
      return alerts.length === 1 && alerts;
    });
    expect(alert).toMatchObject({
      labels: { alertname: 'DiskFull', instance: 'node-3', severity: 'page' },
      annotations: { summary: '97 %' },
    });
    const id = (
      await amtool('silence', 'add', 'alertname=DiskFull', '--comment=test', '--author=me', '--duration=1h')
    ).trim();
    expect(await amtool('silence', 'query', '-q')).toContain(id);
    await eventually('the alert is silenced', async () => (await queried()).trim() === '[]');
    const read = await gateway.request('GET', `${API}/silence/${id}`);
    expect(read.body).toMatchObject({ id, status: { state: 'active' }, comment: 'test', createdBy: 'me' });
    await amtool('silence', 'expire', id);
    expect(await amtool('silence', 'query', '-q')).not.toContain(id);
    await eventually('the alert is back', async () => (await queried()).includes('DiskFull'));
    expect(await amtool('config', 'show')).toContain('opni_embedded');
    expect(await amtool('cluster', 'show')).toContain('disabled');
  });

  it('takes foreign alerts to the embedded server and to no endpoint', async () => {
    await endpoint('for-us', broadcast());
    await amtool('alert', 'add', 'Foreign', 'severity=critical');
    const [found] = await eventually('the ring has it', async () => {
      const all = (await messages()).filter(({ labels }) => labels['alertname'] === 'Foreign');
      return all.length > 0 && all;
    });
    expect(found).toMatchObject({ deliveries: 1, labels: { severity: 'critical' } });
    const last = fence();
    await push(last);
    await arrivedAt('/for-us', last);
    expect(receiver.titlesAt('/for-us')).not.toContain('Foreign');
    await remove('for-us');
  });

  it.each(['opni_severity', 'opni_notification_id', 'opni_', 'opni_anything'])(
    'refuses the label %s in its own words',
    async (label) => {
      const body = [{ labels: { alertname: 'ok' } }, { labels: { alertname: 'x', [label]: 'critical' } }];
      const answer = await gateway.request('POST', `${API}/alerts`, { body });
      expect(answer.status).toBe(400);
      expect(JSON.parse(answer.text)).toContain(label);
      expect(await amtool('alert', 'query', 'alertname=x')).not.toContain('x ');
      await expect(amtool('alert', 'add', 'x', `${label}=critical`)).rejects.toThrow(/reserved/);
    },
  );

  it("answers Alertmanager's own errors", async () => {
    for (const body of [{}, [{}], [{ labels: {} }], [{ labels: { alertname: 7 } }], [null], 'x']) {
      const answer = await gateway.request('POST', `${API}/alerts`, { body: JSON.stringify(body) });
      expect([400, 422], `${JSON.stringify(body)}: ${answer.text}`).toContain(answer.status);
    }
    // Alertmanager says JSON and sends nothing, which no document can describe.
    const missing = await call(`${gateway.url}${API}/silence/00000000-0000-0000-0000-000000000000`, 'GET');
    expect(missing.status).toBe(404);
    for (const id of ['x', '..%2f..%2fstatus', '%2e%2e']) {
      const answer = await gateway.request('GET', `${API}/silence/${id}`);
      expect([400, 404, 422], `${id}: ${answer.text}`).toContain(answer.status);
    }
    expect((await gateway.request('GET', `${API}/alerts?filter=%7B%7B`)).status).toBe(400);
    expect((await gateway.request('POST', `${API}/silences`, { body: { matchers: [] } })).status).toBe(422);
    // Alertmanager's handler panics at this.
    const body = {
      matchers: [null],
      startsAt: '2026-01-01T00:00:00Z',
      endsAt: '2036-01-01T00:00:00Z',
      createdBy: 'x',
      comment: 'x',
    };
    expect((await gateway.request('POST', `${API}/silences`, { body })).status).toBe(400);
    expect((await gateway.request('GET', `${ALERTING}/alertmanager/-/reload`)).status).toBe(404);
  });
});

describe('the installation', () => {
  const INSTALLATION = `${ALERTING}/installation`;
  const EMPTY = { env: { OPNI_BOOTSTRAP_INSTALL: '' } };

  async function empty(env: Record<string, string> = {}): Promise<GatewayUnderTest> {
    const started = await GatewayUnderTest.start({ env: { ...EMPTY.env, ...env } });
    onTestFinished(() => started.dispose());
    return started;
  }

  async function operation(at: GatewayUnderTest, method: string, path: string): Promise<OperationBody> {
    const answer = await at.request<OperationBody>(method, path);
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body, answer.text).toMatchObject({ phase: 'succeeded', error: null });
    return answer.body;
  }

  it('says what is missing before it exists', async () => {
    const fresh = await empty();
    expect(await fresh.get(`${ALERTING}/status`)).toMatchObject({
      configState: 'not-configured',
      installState: 'not-installed',
      appState: 'not-running',
      workloads: [],
      version: null,
    });
    expect(await fresh.get(`${ALERTING}/members`)).toEqual({ items: [], next: null });
    for (const [path, body] of [
      ['notifications', { title: 'x', body: 'y' }],
      ['endpoint-tests', inline(receiver.url)],
    ] as const) {
      const answer = await fresh.request<Problem>('POST', `${ALERTING}/${path}`, { body });
      expect([answer.status, answer.body.code], answer.text).toEqual([409, 'backend-not-ready']);
      expect(answer.body.detail).toContain('PUT /api/v1/alerting/installation');
      expect(answer.body).not.toHaveProperty('operation');
    }
    expect(await fresh.get('/readyz')).toMatchObject({
      components: {
        alertmanager: { state: 'ok', message: expect.stringMatching(/^Not installed/) as unknown },
      },
    });
    const native = await fresh.request<unknown>('GET', `${ALERTING}/alertmanager/api/v2/alerts`);
    expect([native.status, native.headers['content-type']]).toEqual([409, 'application/json; charset=utf-8']);
    expect(JSON.parse(native.text)).toContain('PUT /api/v1/alerting/installation');
    const removed = await operation(fresh, 'DELETE', INSTALLATION);
    expect(removed['kind']).toBe('alerting.uninstall');
    expect(await fresh.stop()).toBe(0);
  });

  it('twice is one: the second operation has succeeded at once', async () => {
    const fresh = await empty();
    const first = await fresh.request<OperationBody>('PUT', INSTALLATION, { body: { preset: 'standalone' } });
    expect(first.status).toBe(202);
    expect(first.headers['location']).toBe(`/api/v1/operations/${first.body.id}`);
    const [again, third] = await Promise.all([
      fresh.request<OperationBody>('PUT', `${INSTALLATION}?wait=30s`),
      fresh.request<OperationBody>('PUT', `${INSTALLATION}?wait=30s`, { body: {} }),
    ]);
    for (const answer of [again, third]) {
      expect([answer.status, answer.body.phase, answer.body.id]).toEqual([200, 'succeeded', first.body.id]);
    }
    const { pid } = await member(fresh);
    const second = await operation(fresh, 'PUT', INSTALLATION);
    expect(second.id).not.toBe(first.body.id);
    expect((await member(fresh)).pid).toBe(pid);
  });

  it.each<[unknown, number, string | undefined]>([
    [{ preset: 'no-such' }, 422, '/preset'],
    [{ preset: 7 }, 422, '/preset'],
    [{ preset: null }, 422, '/preset'],
    [{ presets: 'standalone' }, 422, '/presets'],
    [[], 422, ''],
    ['"standalone"', 422, ''],
  ])('of %j is refused', async (body, status, pointer) => {
    const answer = await gateway.request<Problem>('PUT', INSTALLATION, { body });
    expect(answer.status, answer.text).toBe(status);
    expect(answer.body.errors?.map((error) => error.pointer)).toEqual([pointer]);
  });

  it('that is under way is named to those who need it', { timeout: 60_000 }, async () => {
    const directory = await tempDir();
    const { alertmanager, amtool } = await alertmanagerBinaries();
    const release = join(directory, 'release');
    for (const [name, binary] of Object.entries({ alertmanager, amtool })) {
      const script = `#!/bin/sh\nuntil [ -e '${release}' ] || [ "$1" = --version ]; do sleep 0.1; done\nexec '${binary}' "$@"\n`;
      await writeFile(join(directory, name), script, { mode: 0o755 });
    }
    const slow = await empty({ OPNI_COMPONENTS_ALERTMANAGER_PATH: directory });
    const { body } = await slow.request<OperationBody>('PUT', INSTALLATION);
    const refused = await slow.request<Problem & { operation: string }>(
      'POST',
      `${ALERTING}/endpoint-tests`,
      {
        body: inline(receiver.url),
      },
    );
    expect([refused.status, refused.body.code], refused.text).toEqual([409, 'backend-not-ready']);
    expect(refused.body.operation).toBe(`/api/v1/operations/${body.id}`);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    const status = await slow.get(`${ALERTING}/status`);
    expect(status['installState']).toBe('installing');
    // What is accepted meanwhile is delivered when it runs.
    const put = {
      body: { name: 'slow', type: 'webhook', webhook: { url: `${receiver.url}/slow` }, ...broadcast() },
    };
    expect((await slow.request('PUT', `${ALERTING}/endpoints/slow`, put)).status).toBe(201);
    await push('patience', {}, slow);
    const waited = await slow.request<OperationBody>('PUT', `${INSTALLATION}?wait=1ms`);
    expect([waited.status, waited.body.id]).toEqual([202, body.id]);
    await writeFile(release, '');
    await slow.untilRunning();
    await arrivedAt('/slow', 'patience', 20_000);
  });

  it(
    'is removed and made again: endpoints stay, and so do the data unless they shall go',
    { timeout: 120_000 },
    async () => {
      const other = await empty();
      await operation(other, 'PUT', `${INSTALLATION}?wait=30s`);
      await endpoint('survivor', broadcast(), other);
      const silence = {
        matchers: [{ name: 'a', value: 'b', isRegex: false, isEqual: true }],
        startsAt: new Date().toISOString(),
        endsAt: new Date(Date.now() + 3_600_000).toISOString(),
        createdBy: 'me',
        comment: 'x',
      };
      const silences = async (): Promise<number> =>
        (
          JSON.parse(
            (await other.request('GET', `${ALERTING}/alertmanager/api/v2/silences`)).text,
          ) as unknown[]
        ).length;
      expect(
        (await other.request('POST', `${ALERTING}/alertmanager/api/v2/silences`, { body: silence })).status,
      ).toBe(200);
      const { pid } = await member(other);

      await operation(other, 'DELETE', `${INSTALLATION}?wait=30s`);
      expect(processesOf(other.dataDir)).toHaveLength(1);
      expect(await other.get(`${ALERTING}/status`)).toMatchObject({
        installState: 'not-installed',
        appState: 'not-running',
      });
      expect((await other.request('GET', '/readyz')).status).toBe(200);
      await other.get(`${ALERTING}/endpoints/survivor`);

      await operation(other, 'PUT', `${INSTALLATION}?wait=30s`);
      expect((await member(other)).pid).not.toBe(pid);
      expect(await silences()).toBe(1);
      await push('after', {}, other);
      await arrivedAt('/survivor', 'after');

      await operation(other, 'DELETE', `${INSTALLATION}?deleteData=true&wait=30s`);
      expect(() => statSync(join(other.dataDir, 'local', 'alerting', MEMBER))).toThrow(/ENOENT/);
      await operation(other, 'PUT', `${INSTALLATION}?wait=30s`);
      expect(await silences()).toBe(0);
      await accepted('survivor', other);
      await push('anew', {}, other);
      await arrivedAt('/survivor', 'anew');
      expect(await other.stop()).toBe(0);
      expect(processesOf(other.dataDir)).toEqual([]);
    },
  );

  it('that was removed keeping its data can still lose them', async () => {
    const other = await empty();
    await operation(other, 'PUT', `${INSTALLATION}?wait=30s`);
    await operation(other, 'DELETE', `${INSTALLATION}?wait=30s`);
    statSync(join(other.dataDir, 'local', 'alerting', MEMBER));
    await operation(other, 'DELETE', `${INSTALLATION}?deleteData=true&wait=30s`);
    expect(() => statSync(join(other.dataDir, 'local', 'alerting', MEMBER))).toThrow(/ENOENT/);
  });
});

function alertmanagerPort(): number {
  const file = join(gateway.dataDir, 'local', 'ports.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as Record<string, number>)[`${MEMBER}-alertmanager`] ?? 0;
}
