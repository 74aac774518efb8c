import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ALERTMANAGER_TIMEOUT_MS } from '../support/alertmanager.js';
import { eventually } from '../support/eventually.js';
import { GatewayUnderTest, processesOf, type Json, type Problem } from '../support/gateway.js';

const ALERTING = '/api/v1/alerting';
const ALERTS = `${ALERTING}/alertmanager/api/v2/alerts`;

/** About 260 kB of label values, each letter of which Alertmanager writes as six. */
const largeLabels = (): Record<string, string> =>
  Object.fromEntries(Array.from({ length: 64 }, (_, index) => [`l${index}`, '<'.repeat(4096)]));

describe('a running backend', () => {
  let gateway: GatewayUnderTest;
  beforeAll(async () => {
    gateway = await GatewayUnderTest.start();
    await gateway.untilRunning();
  }, ALERTMANAGER_TIMEOUT_MS);
  afterAll(() => gateway.dispose());

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
