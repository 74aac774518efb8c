import { execFile } from 'node:child_process';
import { appendFile, readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import type {
  ConfigAcknowledgement,
  MemberStatus,
  MessagePage,
} from '../../src/alertmanager-companion/companion-api.js';
import { ALERTMANAGER_TIMEOUT_MS, alertmanagerBinaries } from '../support/alertmanager.js';
import { CompanionUnderTest, sha256, type Answer } from '../support/companion.js';
import { webhookBody } from '../support/companion-webhook.js';
import { eventually } from '../support/eventually.js';

const ROUNDS = 10;

beforeAll(() => alertmanagerBinaries(), ALERTMANAGER_TIMEOUT_MS);

function configNumber(index: number): string {
  const receivers = Array.from({ length: 200 }, (_, receiver) => ({ name: `r${index}-${receiver}` }));
  return JSON.stringify({ route: { receiver: `r${index}-0` }, receivers });
}

async function mustBeValid(companion: CompanionUnderTest): Promise<void> {
  await promisify(execFile)(companion.settings.binaries.amtool, ['check-config', companion.alertmanagerYml]);
}

async function statusOf(companion: CompanionUnderTest): Promise<MemberStatus> {
  return (await companion.call('GET', '/v1/status')).json<MemberStatus>();
}

async function everyMessage(companion: CompanionUnderTest): Promise<MessagePage> {
  return (await companion.call('GET', '/v1/messages?limit=1000')).json<MessagePage>();
}

/** The answer, or undefined when the connection broke. */
async function attempt(call: Promise<Answer>): Promise<Answer | undefined> {
  return call.catch(() => undefined);
}

describe('kill -9 of the companion', () => {
  it('in the middle of configurations leaves valid files and forgets nothing it acknowledged', async () => {
    const companion = await CompanionUnderTest.start();
    const sent = new Map<string, number>();
    let index = 0;
    let acknowledged = -1;
    for (let round = 0; round < ROUNDS; round += 1) {
      const killed = new AbortController();
      const sending = (async () => {
        while (!killed.signal.aborted) {
          const text = configNumber(index);
          sent.set(sha256(text), index);
          const answer = await attempt(companion.put(text));
          if (answer?.status === 200) acknowledged = index;
          index += 1;
        }
      })();
      const before = acknowledged;
      await eventually('a configuration of this round', () => acknowledged > before);
      // Not always at the same point of the work.
      await delay(Math.random() * 60);
      await companion.kill('SIGKILL');
      killed.abort();
      await sending;
      await mustBeValid(companion);
      const canonical = sha256(await readFile(join(companion.settings.dataDir, 'canonical.json')));
      expect(sent.get(canonical)).toBeGreaterThanOrEqual(acknowledged);
      await companion.start();
      await mustBeValid(companion);
      const { sha256: known } = (await companion.put(configNumber(index))).json<ConfigAcknowledgement>();
      sent.set(known, index);
      acknowledged = index;
      index += 1;
      expect((await statusOf(companion)).config.sha256).toBe(known);
    }
    expect(companion.alertmanagerRuns).toBe(true);
    expect((await readdir(companion.settings.dataDir)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('loses no message that it answered with 200', async () => {
    const companion = await CompanionUnderTest.prepare();
    await companion.start();
    const { ring } = await everyMessage(companion);
    const kept = new Set<string>();
    for (let round = 0; round < ROUNDS; round += 1) {
      const killed = new AbortController();
      let count = 0;
      const senders = Array.from({ length: 8 }, async (_, sender) => {
        while (!killed.signal.aborted) {
          const name = `${round}-${sender}-${(count += 1)}`;
          const answer = await attempt(companion.call('POST', '/v1/webhook', { body: webhookBody([name]) }));
          if (answer?.status === 200) kept.add(name);
        }
      });
      const before = kept.size;
      await eventually('messages of this round', () => kept.size >= before + 10);
      await companion.kill('SIGKILL');
      killed.abort();
      await Promise.all(senders);
      await companion.start();
      const page = await everyMessage(companion);
      expect(page.ring).toBe(ring);
      const fingerprints = new Set(page.items.map((item) => item.fingerprint));
      expect([...kept].filter((name) => !fingerprints.has(name))).toEqual([]);
      const sequences = page.items.map((item) => item.sequence);
      expect(sequences).toEqual([...new Set(sequences)].toSorted((a, b) => a - b));
    }
  });

  it('tolerates half a line at the end of the log', async () => {
    const companion = await CompanionUnderTest.prepare();
    await companion.start();
    await companion.call('POST', '/v1/webhook', { body: webhookBody(['whole']) });
    const { ring } = await everyMessage(companion);
    await companion.kill('SIGKILL');
    const messages = join(companion.settings.dataDir, 'messages');
    const segment = (await readdir(messages)).find((name) => name.endsWith('.jsonl')) ?? '';
    await appendFile(join(messages, segment), '{"sequence":2,"finger');
    await companion.start();
    await companion.call('POST', '/v1/webhook', { body: webhookBody(['next']) });
    const page = await everyMessage(companion);
    expect(page.ring).toBe(ring);
    expect(page.items.map((item) => item.fingerprint)).toEqual(['whole', 'next']);
  });
});

describe('kill -9 of Alertmanager', () => {
  it('in the middle of configurations is told, and leaves a file that it starts with', async () => {
    const companion = await CompanionUnderTest.start();
    let index = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const killed = new AbortController();
      const codes = new Set<unknown>();
      const sending = (async () => {
        while (!killed.signal.aborted) {
          const answer = await companion.put(configNumber((index += 1)));
          codes.add(answer.status === 200 ? 200 : answer.json()['code']);
        }
      })();
      await eventually('a configuration of this round', () => codes.has(200));
      await delay(Math.random() * 60);
      await companion.killAlertmanager();
      await eventually('it is told', () => codes.has('not-confirmed'));
      killed.abort();
      await sending;
      expect([...codes].filter((code) => code !== 200 && code !== 'not-confirmed')).toEqual([]);
      expect((await statusOf(companion)).config.sha256).toBeNull();
      await mustBeValid(companion);
      await companion.startAlertmanager();
      const text = configNumber((index += 1));
      expect((await companion.put(text)).status).toBe(200);
      expect((await statusOf(companion)).config.sha256).toBe(sha256(text));
    }
  });
});

describe('an Alertmanager that hangs', () => {
  it('does not hang the companion', async () => {
    const companion = await CompanionUnderTest.start();
    await companion.put(configNumber(1));
    companion.signalAlertmanager('SIGSTOP');
    const startedAt = performance.now();
    const status = await statusOf(companion);
    expect(performance.now() - startedAt).toBeLessThan(2_500);
    expect(status.alertmanager).toMatchObject({
      reachable: false,
      error: expect.stringContaining('did not answer within'),
    });
    expect(status.config.sha256).toBeNull();
    expect((await companion.call('POST', '/v1/webhook', { body: webhookBody(['x']) })).status).toBe(200);
    companion.signalAlertmanager('SIGCONT');
    await eventually(
      'it is back',
      async () => (await statusOf(companion)).config.sha256 === sha256(configNumber(1)),
    );
  });
});
