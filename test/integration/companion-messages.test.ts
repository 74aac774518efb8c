import { beforeAll, describe, expect, it } from 'vitest';
import type { MessagePage } from '../../src/alertmanager-companion/companion-api.js';
import { ALERTMANAGER_TIMEOUT_MS, alertmanagerBinaries } from '../support/alertmanager.js';
import { CompanionUnderTest } from '../support/companion.js';
import { eventually } from '../support/eventually.js';
import { webhookBody } from '../support/companion-webhook.js';

beforeAll(() => alertmanagerBinaries(), ALERTMANAGER_TIMEOUT_MS);

async function page(companion: CompanionUnderTest, query = ''): Promise<MessagePage> {
  return (await companion.call('GET', `/v1/messages${query}`)).json<MessagePage>();
}

describe('the embedded server', () => {
  it('gets what Alertmanager delivers over mTLS, and its resolution', async () => {
    const companion = await CompanionUnderTest.start();
    const headers = { 'content-type': 'application/json' };
    const post = (alert: object) =>
      companion.call('POST', '/api/v2/alerts', { body: JSON.stringify([alert]), headers });
    const alert = { labels: { alertname: 'Fire', room: '7' }, annotations: { summary: 'It burns' } };
    await post(alert);
    const { items, ring } = await eventually('the message', async () => {
      const got = await page(companion);
      return got.items.length === 1 && got;
    });
    expect(items[0]).toMatchObject({ sequence: 1, status: 'firing', ...alert, endsAt: null, deliveries: 1 });
    expect(Date.parse(items[0]?.startsAt ?? '')).toBeLessThanOrEqual(Date.now());
    expect(ring).toMatch(/^[0-9a-f-]{36}$/);
    expect(companion.output).not.toContain('It burns');
  });

  it('updates a repeated alert, so that `after` sees it again', async () => {
    const companion = await CompanionUnderTest.prepare();
    await companion.start();
    const send = (...args: Parameters<typeof webhookBody>) =>
      companion.call('POST', '/v1/webhook', { body: webhookBody(...args) });
    expect((await send(['a', 'b'])).status).toBe(200);
    const first = await page(companion);
    expect(first.items.map((item) => item.fingerprint)).toEqual(['a', 'b']);
    await send(['a'], 'resolved');
    const second = await page(companion, `?after=${first.last}`);
    expect(second.items).toMatchObject([{ fingerprint: 'a', status: 'resolved', deliveries: 2 }]);
    expect(second.items[0]?.firstReceivedAt).toBe(first.items[0]?.firstReceivedAt);
    expect(second.items[0]?.endsAt).not.toBeNull();
    expect(await page(companion, `?after=${second.last}`)).toEqual({
      items: [],
      last: second.last,
      ring: first.ring,
    });
  });

  it('pages without gaps while messages come in', async () => {
    const companion = await CompanionUnderTest.prepare();
    await companion.start();
    const sending = Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        companion.call('POST', '/v1/webhook', { body: webhookBody([`f${index}`]) }),
      ),
    );
    const seen = new Set<string>();
    let after = 0;
    await eventually('all were seen', async () => {
      const got = await page(companion, `?after=${after}&limit=7`);
      after = got.last;
      for (const item of got.items) seen.add(item.fingerprint);
      return seen.size === 60;
    });
    expect((await sending).every((answer) => answer.status === 200)).toBe(true);
  });
});
