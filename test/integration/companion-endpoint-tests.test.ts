import { readFile, readdir } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import { gzipSync } from 'node:zlib';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { EndpointTestResult } from '../../src/alertmanager-companion/companion-api.js';
import { issueLeaf } from '../../src/platform/tls/x509-builder.js';
import { ALERTMANAGER_TIMEOUT_MS, alertmanagerBinaries } from '../support/alertmanager.js';
import { CompanionUnderTest, newAuthority, validity, type Answer } from '../support/companion.js';
import { collector, type Answering } from '../support/companion-collector.js';
import { eventually } from '../support/eventually.js';
import { freePort } from '../support/free-port.js';

beforeAll(() => alertmanagerBinaries(), ALERTMANAGER_TIMEOUT_MS);

let companion: CompanionUnderTest;
beforeEach(async () => {
  companion = await CompanionUnderTest.prepare();
  await companion.start();
});

function post(block: Record<string, unknown>, timeout = 10_000, type = 'webhook'): Promise<Answer> {
  const labels = { alertname: 'Test', who: 'you "there"' };
  const body = JSON.stringify({ type, block, labels, annotations: { summary: 'hello' }, timeout });
  return companion.call('POST', '/v1/endpoint-tests', { body });
}

async function run(block: Record<string, unknown>, timeout?: number): Promise<EndpointTestResult> {
  const answer = await post(block, timeout);
  expect([answer.status, answer.text]).toEqual([200, answer.text]);
  return answer.json<EndpointTestResult>();
}

const ok: Answering = (response) => response.end('thank you');

function status(code: number): Answering {
  return (response) => response.writeHead(code).end('no');
}

describe('an endpoint test over http', () => {
  it('delivers one alert through a real Alertmanager and tells the answer', async () => {
    const receiver = await collector(ok);
    const path = '/hook/a%2Fb?token=T0KEN&x=1';
    const http_config = {
      authorization: { credentials: 'S3CRET' },
      http_headers: { 'X-Own': { values: ['yes'] } },
    };
    const result = await run({ url: receiver.url + path, http_config });
    expect(result).toEqual({
      delivered: true,
      statusCode: 200,
      latency: expect.any(Number),
      response: 'thank you',
      error: null,
    });
    expect(receiver.received).toHaveLength(1);
    const [request] = receiver.received;
    expect(request).toMatchObject({
      method: 'POST',
      path,
      headers: {
        host: new URL(receiver.url).host,
        authorization: 'Bearer S3CRET',
        'x-own': 'yes',
        'user-agent': expect.stringContaining('Alertmanager'),
      },
    });
    expect(Object.keys(request?.headers ?? {}).filter((name) => name.startsWith('proxy'))).toEqual([]);
    expect(JSON.parse(request?.body ?? '')).toMatchObject({
      version: '4',
      status: 'firing',
      alerts: [{ labels: { alertname: 'Test', who: 'you "there"' }, annotations: { summary: 'hello' } }],
    });
    expect(companion.output).not.toMatch(/T0KEN|S3CRET/);
  });

  it('makes three deliveries of three tests', async () => {
    const receiver = await collector(ok);
    for (let index = 0; index < 3; index += 1) await run({ url: receiver.url });
    expect(receiver.received).toHaveLength(3);
  });

  it.each([400, 404, 429, 500, 503])('says that %i is no delivery, and delivers once only', async (code) => {
    const receiver = await collector(status(code));
    expect(await run({ url: receiver.url })).toMatchObject({
      delivered: false,
      statusCode: code,
      response: 'no',
      error: `The receiver answered ${code}.`,
    });
    expect(receiver.received).toHaveLength(1);
  });

  it('waits for a slow one', async () => {
    const receiver = await collector((response) => setTimeout(() => response.end('late'), 700));
    const result = await run({ url: receiver.url });
    expect(result).toMatchObject({ delivered: true, response: 'late' });
    expect(result.latency).toBeGreaterThanOrEqual(690);
  });

  it('gives up on a hanging one', async () => {
    const receiver = await collector(() => undefined);
    const result = await run({ url: receiver.url }, 1_500);
    expect(result).toMatchObject({ delivered: false, statusCode: null, latency: null });
    expect(result.error).toBe(
      `127.0.0.1:${receiver.port} took the request and did not answer within 1500 ms.`,
    );
  });

  it("respects the endpoint's own timeout", async () => {
    const receiver = await collector(() => undefined);
    const result = await run({ url: receiver.url, timeout: '300ms' });
    expect(result).toMatchObject({
      delivered: false,
      statusCode: null,
      error: expect.stringContaining('"timeout"'),
    });
  });

  it('shows the first KiB of an endless answer', async () => {
    const receiver = await collector((response) => {
      response.writeHead(200);
      response.write('x'.repeat(5_000));
    });
    const result = await run({ url: receiver.url });
    expect(result).toMatchObject({ delivered: true, statusCode: 200 });
    expect(result.response).toBe('x'.repeat(1024));
  });

  it('shows a compressed answer as text', async () => {
    const receiver = await collector((response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('readable')),
    );
    expect(await run({ url: receiver.url })).toMatchObject({ delivered: true, response: 'readable' });
  });

  it('follows redirects as Alertmanager does, and reports the last answer', async () => {
    const receiver = await collector((response, request) => {
      if (request.url === '/new') response.end('moved here');
      else response.writeHead(307, { location: '/new' }).end();
    });
    expect(await run({ url: `${receiver.url}/old` })).toMatchObject({
      delivered: true,
      response: 'moved here',
    });
    const result = await run({ url: `${receiver.url}/old`, http_config: { follow_redirects: false } });
    expect(result).toMatchObject({ delivered: false, statusCode: 307 });
  });

  it('explains a refused connection, an unknown name and a peer that hangs up', async () => {
    const port = await freePort();
    expect(await run({ url: `http://127.0.0.1:${port}/T0KEN` })).toEqual({
      delivered: false,
      statusCode: null,
      latency: null,
      response: null,
      error: `127.0.0.1:${port} refused the connection: is the receiver running, and is the port right?`,
    });
    expect((await run({ url: 'http://nowhere.invalid/' })).error).toMatch(
      /nowhere.invalid could not be resolved/,
    );
    const rude = await collector((response) => response.destroy());
    expect((await run({ url: rude.url })).error).toMatch(/closed the connection/);
    const mumbling = net.createServer((socket) => socket.end('220 mail here\r\n'));
    await new Promise<void>((resolve) => mumbling.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void mumbling.close());
    const { port: mumblingPort } = mumbling.address() as net.AddressInfo;
    expect((await run({ url: `http://127.0.0.1:${mumblingPort}` })).error).toMatch(
      /did not answer in HTTP|closed/,
    );
  });

  it("goes through the endpoint's own proxy, with its password", async () => {
    const receiver = await collector(ok);
    const seen: string[] = [];
    const proxy = http.createServer((request, response) => {
      seen.push(`${request.url} ${request.headers['proxy-authorization']}`);
      request.pipe(
        http.request(request.url ?? '', { method: 'POST', headers: request.headers }, (answer) =>
          answer.pipe(response),
        ),
      );
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void proxy.close());
    const proxy_url = `http://me:pw@127.0.0.1:${(proxy.address() as net.AddressInfo).port}`;
    expect(await run({ url: `${receiver.url}/x`, http_config: { proxy_url } })).toMatchObject({
      delivered: true,
    });
    expect(seen).toEqual([`${receiver.url}/x Basic ${Buffer.from('me:pw').toString('base64')}`]);
  });
});

describe('an endpoint test over https', () => {
  async function secure(
    answer: Answering = ok,
    names = { ipAddresses: ['127.0.0.1'], dnsNames: ['hooks.example'] },
  ) {
    const authority = await newAuthority();
    const leaf = await issueLeaf(
      authority,
      { commonName: 'hooks', ...names, usages: ['server'] },
      validity(),
    );
    const receiver = await collector(answer, { cert: leaf.certificate, key: leaf.key });
    return { receiver, ca: authority.certificate, authority };
  }

  it("delivers when the endpoint's CA fits, unchanged", async () => {
    const { receiver, ca } = await secure();
    const result = await run({ url: `${receiver.url}/p?q=1`, http_config: { tls_config: { ca } } });
    expect(result).toMatchObject({ delivered: true, statusCode: 200, response: 'thank you' });
    expect(receiver.received).toMatchObject([
      { method: 'POST', path: '/p?q=1', headers: { host: new URL(receiver.url).host } },
    ]);
  });

  it('says that a certificate of an unknown CA was not accepted', async () => {
    const { receiver } = await secure();
    const result = await run({ url: receiver.url });
    expect(result).toMatchObject({ delivered: false, statusCode: null });
    expect(result.error).toMatch(/TLS certificate of 127\.0\.0\.1:\d+ was not accepted/);
    expect(receiver.received).toEqual([]);
  });

  it('honours insecure_skip_verify and server_name', async () => {
    const { receiver } = await secure();
    const insecure = { tls_config: { insecure_skip_verify: true } };
    expect(await run({ url: receiver.url, http_config: insecure })).toMatchObject({ delivered: true });
    const named = await secure(ok, { ipAddresses: [], dnsNames: ['hooks.example'] });
    const right = { ca: named.ca, server_name: 'hooks.example' };
    expect(await run({ url: named.receiver.url, http_config: { tls_config: right } })).toMatchObject({
      delivered: true,
    });
    const wrong = await run({ url: named.receiver.url, http_config: { tls_config: { ca: named.ca } } });
    expect(wrong.error).toMatch(/TLS certificate/);
  });

  it("shows the endpoint's client certificate", async () => {
    const authority = await newAuthority();
    const server = await issueLeaf(
      authority,
      { commonName: 's', ipAddresses: ['127.0.0.1'], usages: ['server'] },
      validity(),
    );
    const client = await issueLeaf(authority, { commonName: 'c', usages: ['client'] }, validity());
    const tls = { cert: server.certificate, key: server.key, ca: authority.certificate, requestCert: true };
    const receiver = await collector(ok, tls);
    const tls_config = { ca: authority.certificate, cert: client.certificate, key: client.key };
    expect(await run({ url: receiver.url, http_config: { tls_config } })).toMatchObject({ delivered: true });
    const without = await run({
      url: receiver.url,
      http_config: { tls_config: { ca: authority.certificate } },
    });
    expect(without).toMatchObject({ delivered: false, statusCode: null });
    expect(receiver.received).toHaveLength(1);
  });

  it("goes through the endpoint's own proxy", async () => {
    const { receiver, ca } = await secure();
    const connects: string[] = [];
    const proxy = http.createServer();
    proxy.on('connect', (request: http.IncomingMessage, socket: net.Socket) => {
      connects.push(request.url ?? '');
      const upstream = net.connect(receiver.port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        socket.pipe(upstream).pipe(socket);
      });
      for (const end of [socket, upstream]) end.on('error', () => end.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      proxy.closeAllConnections();
      proxy.close();
    });
    const proxy_url = `http://127.0.0.1:${(proxy.address() as net.AddressInfo).port}`;
    expect(await run({ url: receiver.url, http_config: { proxy_url, tls_config: { ca } } })).toMatchObject({
      delivered: true,
    });
    expect(connects).toEqual([`127.0.0.1:${receiver.port}`]);
  });

  it('explains https to a receiver that speaks http', async () => {
    const receiver = await collector(ok);
    const result = await run({ url: receiver.url.replace('http:', 'https:') });
    expect(result).toMatchObject({ delivered: false, statusCode: null });
    expect(result.error).toMatch(/speak TLS|closed/);
  });
});

describe('what cannot be tested', () => {
  it("tells a block that Alertmanager refuses in Alertmanager's words, without its secrets", async () => {
    const result = await run({ url: 'http://127.0.0.1:1/', max_alerts: 'T0PSECRET', colour: 'red' });
    expect(result).toMatchObject({ delivered: false, error: expect.stringContaining('Alertmanager: ') });
    expect(result.error).toMatch(/max_alerts|colour|unmarshal/);
    expect(result.error).not.toContain('T0PSECRET');
  });

  it('tells when Alertmanager could not even begin', async () => {
    const result = await run({ url: 'http://127.0.0.1:1/{{ .Nothing.AtAll }}' });
    expect(result.delivered).toBe(false);
    expect(result.error).not.toBeNull();
  });

  it.each([
    ['an unknown type', { type: 'pigeon' }, /"type" must be one of: webhook/],
    ['a null', { block: { url: null } }, /"block": null is not allowed; it stands at \/url/],
    ['no labels', { labels: {} }, /"labels"/],
    ['a wrong annotation', { annotations: { a: 1 } }, /"annotations"/],
    ['no timeout', { timeout: 0 }, /"timeout"/],
    [
      'a CA file',
      { block: { url: 'https://x', http_config: { tls_config: { ca_file: '/etc/passwd' } } } },
      /ca_file/,
    ],
    ['a SOCKS proxy', { block: { url: 'https://x', http_config: { proxy_url: 'socks5://x' } } }, /proxy_url/],
  ])('refuses %s', async (_name, change, words) => {
    const valid = {
      type: 'webhook',
      block: { url: 'http://x' },
      labels: { a: 'b' },
      annotations: {},
      timeout: 1_000,
    };
    const answer = await companion.call('POST', '/v1/endpoint-tests', {
      body: JSON.stringify({ ...valid, ...change }),
    });
    expect(answer.status).toBe(400);
    expect(answer.json<{ detail: string }>().detail).toMatch(words);
  });
});

describe('many tests', () => {
  it('runs four at a time, refuses more, and leaves nothing behind', async () => {
    const receiver = await collector(() => undefined);
    const running = Array.from({ length: 4 }, () => post({ url: receiver.url }, 6_000));
    await eventually('four deliveries', () => receiver.received.length === 4);
    const fifth = await post({ url: receiver.url });
    expect([fifth.status, fifth.headers['retry-after']]).toEqual([429, '1']);
    expect(await scratchProcesses()).toHaveLength(4);
    await Promise.all(running);
    expect(await scratchProcesses()).toEqual([]);
    expect(await readdir(scratchDir())).toEqual([]);
    expect((await run({ url: receiver.url }, 1_000)).statusCode).toBeNull();
  });

  it('ends them with the companion', async () => {
    const receiver = await collector(() => undefined);
    const running = post({ url: receiver.url }, 60_000);
    await eventually('the delivery', () => receiver.received.length === 1);
    expect(await companion.kill('SIGTERM')).toBe(0);
    expect((await running).json()).toMatchObject({ delivered: false, error: 'The companion is stopping.' });
    expect(await scratchProcesses()).toEqual([]);
  });

  it('ends what a killed companion left behind when it starts again', async () => {
    const receiver = await collector(() => undefined);
    post({ url: receiver.url }, 60_000).catch(() => undefined);
    await eventually('the delivery', () => receiver.received.length === 1);
    await companion.kill('SIGKILL');
    await companion.start();
    await eventually('the scratch Alertmanager is gone', async () => (await scratchProcesses()).length === 0);
    expect(await readdir(scratchDir())).toEqual([]);
  });

  it('ends one whose caller went away', async () => {
    const receiver = await collector(() => undefined);
    const caller = post({ url: receiver.url }, 60_000);
    caller.catch(() => undefined);
    await eventually('the delivery', () => receiver.received.length === 1);
    companion.dropCalls();
    await expect(caller).rejects.toThrow(/aborted/);
    await eventually('the scratch Alertmanager is gone', async () => (await scratchProcesses()).length === 0);
  });
});

function scratchDir(): string {
  return join(companion.settings.dataDir, 'scratch');
}

async function scratchProcesses(): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return lines.filter((line) => line.includes(scratchDir()));
}
