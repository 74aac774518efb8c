import { readFileSync } from 'node:fs';
import { Agent, request } from 'undici';
import { expect, it, onTestFinished } from 'vitest';
import { processesOf, GatewayUnderTest } from '../support/gateway.js';
import { EventReader } from '../support/event-reader.js';

const WRITES = 10_000;
const SLOW_READERS = 20;
const MIB = 1024 * 1024;

function residentBytes(pid: number): number {
  const [, kib = ''] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) * 1024;
}

it('20 readers that do not read cost nothing under 10,000 writes, and end with the newest state', async () => {
  const gateway = await GatewayUnderTest.start({ env: { OPNI_BOOTSTRAP_INSTALL: '' } });
  onTestFinished(() => gateway.dispose());
  const pid = processesOf(gateway.dataDir)[0] ?? 0;
  const agent = new Agent({ connections: 16 });
  onTestFinished(() => agent.destroy());
  const description = 'x'.repeat(1_000);
  const put = async (index: number): Promise<void> => {
    const answer = await request(`${gateway.url}/api/v1/alerting/endpoints/e${index % 50}`, {
      method: 'PUT',
      dispatcher: agent,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        name: `n${index}`,
        description,
        type: 'webhook',
        webhook: { url: 'https://example.org/' },
      }),
    });
    const text = await answer.body.text();
    expect(answer.statusCode, `${text}\n${gateway.output.slice(-2_000)}`).toBeLessThan(300);
  };
  let next = 0;
  const writeUntil = async (end: number): Promise<void> => {
    await Promise.all(
      Array.from({ length: 16 }, async () => {
        while (next < end) await put(next++);
      }),
    );
  };
  // So that what the gateway needs for writes alone is there before.
  await writeUntil(2_000);
  const open = () => EventReader.open(`${gateway.url}/api/v1/events?kinds=endpoint`);
  const quick = await open();
  const slow = await Promise.all(Array.from({ length: SLOW_READERS }, open));
  onTestFinished(() => [quick, ...slow].forEach((reader) => reader.close()));
  for (const reader of slow) {
    await reader.until('the snapshot', ({ story }) => story.includes('snapshot-complete'));
    reader.pause();
  }
  await quick.until('the snapshot', ({ story }) => story.includes('snapshot-complete'));

  const before = residentBytes(pid);
  const changes = quick.events.length;
  await writeUntil(2_000 + WRITES);
  await quick.until('everything', ({ events }) => events.length === changes + WRITES, 60_000);
  // Queued, these events would be 20 × 10,000 × 1.4 kB = 270 MiB.
  expect((residentBytes(pid) - before) / MIB).toBeLessThan(130);

  const newest = new Map(quick.events.map(({ data }) => [data.id, data.revision]));
  for (const reader of slow) reader.resume();
  for (const reader of slow) {
    await reader.until(
      'the newest state',
      ({ events }) => {
        const known = new Map(events.map(({ data }) => [data.id, data.revision]));
        return [...newest].every(([id, revision]) => known.get(id) === revision);
      },
      60_000,
    );
  }
}, 600_000);
