import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ALERTMANAGER_TIMEOUT_MS } from '../support/alertmanager.js';
import { eventually } from '../support/eventually.js';
import {
  GatewayUnderTest,
  processesOf,
  type GatewayAnswer,
  type Json,
  type Problem,
} from '../support/gateway.js';
import { WebhookCollector } from '../support/webhook-collector.js';

const ALERTING = '/api/v1/alerting';
const ALERTS = `${ALERTING}/alertmanager/api/v2/alerts`;

/** About 260 kB of label values, each letter of which Alertmanager writes as six. */
const largeLabels = (): Record<string, string> =>
  Object.fromEntries(Array.from({ length: 64 }, (_, index) => [`l${index}`, '<'.repeat(4096)]));

describe('a running backend', () => {
  let gateway: GatewayUnderTest;
  let collector: WebhookCollector;
  beforeAll(async () => {
    collector = await WebhookCollector.start();
    gateway = await GatewayUnderTest.start();
    await gateway.untilRunning();
  }, ALERTMANAGER_TIMEOUT_MS);
  afterAll(async () => {
    await gateway.dispose();
    await collector.close();
  });

  // Go takes any member whose name folds to the field's.
  it.each(['labels', 'Labels', 'LABELS', 'label\u017f'])(
    'takes no label of ours under the name %j',
    async (name) => {
      const alert = { labels: { alertname: 'mine' }, [name]: { alertname: 'forged', opni_severity: 'info' } };
      const answer = await gateway.request<unknown>('POST', ALERTS, { body: [alert] });
      expect([answer.status, answer.text], answer.text).toEqual([400, expect.stringContaining('reserved')]);
      expect((await gateway.request('GET', ALERTS)).text).not.toContain('forged');
    },
  );

  it.each([{ server_name: 'other' }, { insecure_skip_verify: true }])(
    'does not send a kept client secret to a token server that is verified with %j',
    async (change) => {
      const oauth2 = {
        client_id: 'c',
        token_url: 'https://127.0.0.1:9/t',
        tls_config: { server_name: 'own' },
      };
      const path = `${ALERTING}/endpoints/oauth2`;
      const endpoint = (config: object): Json => ({
        name: 'oauth2',
        type: 'webhook',
        webhook: { url: 'http://127.0.0.1:9/', http_config: { oauth2: config } },
      });
      const stored = await gateway.request('PUT', path, {
        body: endpoint({ ...oauth2, client_secret: 's3cret' }),
      });
      expect(stored.status).toBeLessThan(300);
      const changed = { ...oauth2, client_secret: '***', tls_config: { ...oauth2.tls_config, ...change } };
      const answer = await gateway.request<Problem>('PUT', path, { body: endpoint(changed) });
      expect([answer.status, answer.body.code], answer.text).toEqual([422, 'secret-required']);
    },
  );

  it('never brings back a secret that was replaced while somebody else sent ***', async () => {
    const path = `${ALERTING}/endpoints/rotated`;
    const put = (credentials: string): Promise<GatewayAnswer> =>
      gateway.request('PUT', path, {
        body: {
          name: 'rotated',
          type: 'webhook',
          webhook: { url: `${collector.url}/echo`, http_config: { authorization: { credentials } } },
        },
      });
    for (let round = 0; round < 10; round += 1) {
      await put(`old-${round}`);
      const writes = ['***', '***', '***', `new-${round}`, '***', '***'].map(put);
      for (const { status, text } of await Promise.all(writes)) expect(status, text).toBe(200);
      const body = { endpointId: 'rotated' };
      expect((await gateway.request('POST', `${ALERTING}/endpoint-tests`, { body })).status).toBe(200);
      const used = collector.at('/echo').at(-1)?.headers.authorization;
      expect(used).toBe(`Bearer new-${round}`);
    }
  });

  it('names the proxy that refused, not the receiver behind it', async () => {
    const change = { url: `${collector.url}/x`, http_config: { proxy_url: 'http://127.0.0.1:9' } };
    const endpoint = { name: 'p', type: 'webhook', webhook: change };
    const { body } = await gateway.request('POST', `${ALERTING}/endpoint-tests`, { body: { endpoint } });
    expect(body).toMatchObject({ delivered: false, error: expect.stringContaining('127.0.0.1:9 refused') });
  });

  it.each([
    [{ authorization: { credentials: 'token\n' } }, '/webhook/http_config/authorization/credentials'],
    [{ http_headers: { 'X-Key': { secrets: ['bell\u0007'] } } }, '/webhook/http_config/http_headers'],
  ])('refuses %j, which Go would not send', async (config, pointer) => {
    const body = { name: 'c', type: 'webhook', webhook: { url: collector.url, http_config: config } };
    const answer = await gateway.request<Problem>('POST', `${ALERTING}/endpoints`, { body });
    expect([answer.status, answer.body.errors?.[0]?.pointer], answer.text).toEqual([422, pointer]);
  });

  it('shows no secret that a receiver sends back', async () => {
    collector.respond('/mirror', { status: 200, body: 'You sent: Bearer mirrored-secret' });
    const http = { authorization: { credentials: 'mirrored-secret' } };
    const endpoint = {
      name: 'm',
      type: 'webhook',
      webhook: { url: `${collector.url}/mirror`, http_config: http },
    };
    const { body } = await gateway.request('POST', `${ALERTING}/endpoint-tests`, { body: { endpoint } });
    expect(body).toMatchObject({ delivered: true, response: 'You sent: Bearer ***' });
  });

  it('says in the words of its own API what cannot be tested, and that there are too many tests', async () => {
    const test = (change: object, path = '/slow'): Promise<GatewayAnswer<Problem>> =>
      gateway.request<Problem>('POST', `${ALERTING}/endpoint-tests`, {
        body: {
          endpoint: { name: 't', type: 'webhook', webhook: { url: `${collector.url}${path}`, ...change } },
        },
      });
    const proxied = await test({ http_config: { proxy_url: 'http://127.0.0.1:9', no_proxy: 'localhost' } });
    expect([proxied.status, proxied.body.code], proxied.text).toEqual([422, 'not-testable']);
    collector.respond('/slow', { status: 200, delay: 1_500 });
    const answers = await Promise.all(Array.from({ length: 6 }, () => test({})));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
      200, 200, 200, 200, 429, 429,
    ]);
    const refused = answers.find(({ status }) => status === 429);
    expect([refused?.body.code, refused?.headers['retry-after']]).toEqual(['too-many-tests', '1']);
  });

  it('has receipts for the largest notifications, and for more of them than a ring holds', async () => {
    const ids: string[] = [];
    const push = async (labels: Record<string, string>): Promise<void> => {
      const body = { title: 'large', body: 'b', severity: 'critical', labels };
      const {
        status,
        text,
        body: pushed,
      } = await gateway.request('POST', `${ALERTING}/notifications`, { body });
      expect(status, text).toBe(201);
      ids.push(pushed['id'] as string);
    };
    for (let count = 0; count < 100; count += 1) await push(largeLabels());
    await push({});
    await eventually(
      'an embedded server has had each of them',
      async () => {
        const { items } = await gateway.get<{ items: { deliveries: unknown[] }[] }>(
          `${ALERTING}/notifications?limit=500`,
        );
        expect(items).toHaveLength(ids.length);
        expect(items.filter(({ deliveries }) => deliveries.length === 0)).toEqual([]);
        return true;
      },
      50_000,
    );
  });
});

describe('wishes that change', () => {
  let gateway: GatewayUnderTest | undefined;
  afterAll(() => gateway?.dispose());

  it('end the operation that worked towards the old one', async () => {
    gateway = await GatewayUnderTest.start({ env: { OPNI_BOOTSTRAP_INSTALL: '' } });
    const wish = async (method: string): Promise<string> =>
      (await gateway?.request(method, `${ALERTING}/installation`))?.body['id'] as string;
    const install = await wish('PUT');
    const uninstall = await wish('DELETE');
    const ended = async (id: string): Promise<unknown> =>
      (await gateway?.get(`/api/v1/operations/${id}?wait=20s`))?.['phase'];
    expect(await ended(install)).toBe('cancelled');
    expect(await ended(uninstall)).toBe('succeeded');
    await gateway.dispose();
  });

  it('stop what a gateway that was killed has left, when nobody wants it any more', async () => {
    gateway = await GatewayUnderTest.start();
    const { dataDir } = gateway;
    await gateway.untilRunning();
    const { body } = await gateway.request('DELETE', `${ALERTING}/installation?deleteData=true`);
    await gateway.kill();
    const successor = await GatewayUnderTest.start({ dataDir });
    try {
      const operation = await successor.get(`/api/v1/operations/${String(body['id'])}?wait=20s`);
      expect(operation['phase']).toBe('succeeded');
      const members = join(dataDir, 'local', 'alerting');
      expect(processesOf(members)).toEqual([]);
      expect(existsSync(members)).toBe(false);
    } finally {
      await successor.dispose();
    }
  });
});
