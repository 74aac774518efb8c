import { beforeAll, describe, expect, it } from 'vitest';
import {
  EMBEDDED_RECEIVER,
  EMBEDDED_URL_PLACEHOLDER,
  type MemberStatus,
} from '../../src/alertmanager-companion/companion-api.js';
import { ALERTMANAGER_TIMEOUT_MS, alertmanagerBinaries } from '../support/alertmanager.js';
import { CompanionUnderTest, sha256 } from '../support/companion.js';
import { eventually } from '../support/eventually.js';
import { freePort } from '../support/free-port.js';

const RECEIVERS = 4_000;
/** What the gateway waits for a status. */
const STATUS_DEADLINE = 2_500;

/** About as large for each receiver as an endpoint with two conditions is. */
function largeConfig(round: number): string {
  const names = Array.from({ length: RECEIVERS }, (_, index) => `endpoint-${round}-${index}`);
  return JSON.stringify({
    route: {
      receiver: EMBEDDED_RECEIVER,
      routes: names.flatMap((receiver) =>
        ['a', 'b'].map((condition) => ({
          receiver,
          matchers: [`condition="${receiver}-${condition}"`],
          continue: true,
          group_wait: '1s',
          group_interval: '5m',
          repeat_interval: '4h',
        })),
      ),
    },
    receivers: [
      { name: EMBEDDED_RECEIVER, webhook_configs: [{ url: EMBEDDED_URL_PLACEHOLDER }] },
      ...names.map((name) => ({
        name,
        webhook_configs: [
          { url: `https://hooks.example.org/${name}/${'x'.repeat(60)}`, send_resolved: true },
        ],
      })),
    ],
  });
}

async function timedStatus(companion: CompanionUnderTest): Promise<{ status: MemberStatus; took: number }> {
  const began = performance.now();
  const status = (await companion.call('GET', '/v1/status')).json<MemberStatus>();
  return { status, took: performance.now() - began };
}

beforeAll(() => alertmanagerBinaries(), ALERTMANAGER_TIMEOUT_MS);

describe(`a configuration of ${RECEIVERS} receivers`, () => {
  it('is confirmed while the status is polled, and the status always says which Alertmanager runs', async () => {
    const companion = await CompanionUnderTest.start();
    const first = largeConfig(1);
    expect((await companion.put(first)).status).toBe(200);

    const next = largeConfig(2);
    const loaded = new AbortController();
    const took: number[] = [];
    const poll = async (): Promise<void> => {
      while (!loaded.signal.aborted) {
        const answer = await timedStatus(companion);
        took.push(answer.took);
        expect(answer.status.alertmanager).toMatchObject({
          reachable: true,
          version: expect.stringMatching(/^\d+\.\d+\.\d+/) as unknown,
          peers: 1,
          clusterStatus: 'disabled',
          error: null,
        });
        // What ran before, what runs now, or that it is being loaded; never a configuration that nobody sent.
        expect([sha256(first), sha256(next), null]).toContain(answer.status.config.sha256);
      }
    };
    const polls = Promise.all([poll(), poll(), poll(), poll()]);
    const answer = await companion.put(next).finally(() => loaded.abort());
    await polls;

    expect(answer.status).toBe(200);
    expect(took.length).toBeGreaterThan(4);
    expect(Math.max(...took)).toBeLessThan(STATUS_DEADLINE);
    const after = await timedStatus(companion);
    expect(after.status.config).toMatchObject({ sha256: sha256(next), error: null });

    // Rendering the configuration is what the status must not wait for.
    const rendered = performance.now();
    expect((await companion.call('GET', '/api/v2/status')).text).toContain('endpoint-2-1');
    const whole = performance.now() - rendered;
    const alone = Math.min((await timedStatus(companion)).took, (await timedStatus(companion)).took);
    expect(alone).toBeLessThan(whole / 2);
  }, 120_000);
});

describe('a member of a cluster', () => {
  it('counts itself and says how far it is', async () => {
    const companion = await CompanionUnderTest.prepare();
    await companion.start();
    await companion.startAlertmanager(`127.0.0.1:${await freePort()}`);
    const { status } = await timedStatus(companion);
    expect(status.alertmanager).toMatchObject({ reachable: true, peers: 1, error: null });
    expect(status.alertmanager.clusterStatus).toMatch(/^(settling|ready)$/);
    await eventually(
      'the cluster is ready',
      async () => (await timedStatus(companion)).status.alertmanager.clusterStatus === 'ready',
      30_000,
    );
    // Another Alertmanager is not ready because the one before it was.
    await companion.killAlertmanager();
    expect((await timedStatus(companion)).status.alertmanager.clusterStatus).toBeNull();
    await companion.startAlertmanager();
    expect((await timedStatus(companion)).status.alertmanager.clusterStatus).toBe('disabled');
  }, 60_000);
});
