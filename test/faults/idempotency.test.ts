import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { GatewayUnderTest, killAllOf } from '../support/gateway.js';

const KEYS = 60;
const ROUNDS = 6;

it('creates once for each key, whenever the gateway is killed, and keeps every answer it gave', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'opni-idempotency-'));
  onTestFinished(async () => {
    await killAllOf(dataDir);
    await rm(dataDir, { recursive: true, force: true });
  });
  const start = () => GatewayUnderTest.start({ dataDir, env: { OPNI_BOOTSTRAP_INSTALL: '' } });
  const answers = new Map<string, string>();
  let onAnswer = (): void => undefined;
  const post = async (gateway: GatewayUnderTest, key: string): Promise<void> => {
    const body = { name: key, type: 'webhook', webhook: { url: 'https://example.org/' } };
    const answer = await gateway.request<{ id: string }>('POST', '/api/v1/alerting/endpoints', {
      body,
      headers: { 'idempotency-key': key },
    });
    expect(answer.status).toBe(201);
    const seen = JSON.stringify([answer.body, answer.headers['location'], answer.headers['etag']]);
    expect(answers.get(key) ?? seen).toBe(seen);
    answers.set(key, seen);
    onAnswer();
  };
  for (let round = 0; round < ROUNDS; round += 1) {
    const gateway = await start();
    const answered = answers.size;
    const requests = Array.from({ length: KEYS }, (_, index) =>
      post(gateway, `key-${round}-${index}`).then(
        () => 'answered',
        (error: unknown) => {
          if (error instanceof Error && error.name === 'AssertionError') throw error;
          return 'cut off';
        },
      ),
    );
    // Each round it dies a little later.
    await new Promise<void>((resolve) => {
      onAnswer = () => {
        if (answers.size >= answered + round * 8) resolve();
      };
      onAnswer();
    });
    await gateway.kill();
    await Promise.all(requests);
  }
  const gateway = await start();
  for (let round = 0; round < ROUNDS; round += 1) {
    for (let index = 0; index < KEYS; index += 1) await post(gateway, `key-${round}-${index}`);
  }
  const { items } = await gateway.get<{ items: { name: string }[] }>('/api/v1/alerting/endpoints?limit=500');
  expect(items).toHaveLength(KEYS * ROUNDS);
  expect(new Set(items.map(({ name }) => name)).size).toBe(KEYS * ROUNDS);
});
