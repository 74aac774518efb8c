import { describe, expect, it } from 'vitest';
import { MessageRing } from './message-ring.js';

const at = '2026-01-01T00:00:00.000Z';

function delivery(fingerprint: string, status: 'firing' | 'resolved' = 'firing', startsAt = at) {
  return {
    alert: { fingerprint, status, labels: {}, annotations: {}, startsAt, endsAt: null },
    receivedAt: at,
  };
}

function ringWith(bounds: { count: number; bytes: number }, ...fingerprints: string[]): MessageRing {
  const ring = new MessageRing(bounds);
  for (const fingerprint of fingerprints) ring.add(ring.prepare([delivery(fingerprint)]));
  return ring;
}

const large = { count: 100, bytes: 1_000_000 };

describe('MessageRing', () => {
  it('updates a repeated alert and moves it behind the others', () => {
    const ring = ringWith(large, 'a', 'b');
    ring.add(ring.prepare([delivery('a', 'resolved')]));
    const { items } = ring.page(0, 10, 'r');
    expect(items.map((item) => [item.fingerprint, item.sequence, item.deliveries, item.status])).toEqual([
      ['b', 2, 1, 'firing'],
      ['a', 3, 2, 'resolved'],
    ]);
  });

  it('keeps alerts apart that started at different times', () => {
    const ring = ringWith(large, 'a');
    ring.add(ring.prepare([delivery('a', 'firing', '2026-01-02T00:00:00.000Z')]));
    expect(ring.size).toBe(2);
  });

  it('shows nothing of what is only prepared', () => {
    const ring = ringWith(large, 'a');
    ring.prepare([delivery('b')]);
    expect(ring.page(0, 10, 'r').items).toHaveLength(1);
    expect(ring.last).toBe(1);
  });

  it('joins repeats within one preparation', () => {
    const ring = new MessageRing(large);
    const entries = ring.prepare([delivery('a'), delivery('b'), delivery('a', 'resolved')]);
    expect(entries.map(({ message }) => [message.fingerprint, message.deliveries])).toEqual([
      ['b', 1],
      ['a', 2],
    ]);
  });

  it('drops the oldest beyond the count', () => {
    const ring = ringWith({ count: 2, bytes: 1_000_000 }, 'a', 'b', 'c');
    expect(ring.page(0, 10, 'r').items.map((item) => item.fingerprint)).toEqual(['b', 'c']);
  });

  it('drops the oldest beyond the bytes, and counts them right', () => {
    const one = ringWith(large, 'a').bytes;
    const ring = ringWith({ count: 100, bytes: one * 2 }, 'a', 'b', 'c', 'c', 'c');
    expect(ring.page(0, 10, 'r').items.map((item) => item.fingerprint)).toEqual(['b', 'c']);
    expect(ring.bytes).toBe(one * 2);
  });

  it('pages without gaps and tells where to go on', () => {
    const ring = ringWith(large, 'a', 'b', 'c');
    const first = ring.page(0, 2, 'r');
    expect(first.last).toBe(2);
    expect(ring.page(first.last, 2, 'r')).toMatchObject({
      items: [{ fingerprint: 'c' }],
      last: 3,
      ring: 'r',
    });
    expect(ring.page(3, 2, 'r')).toEqual({ items: [], last: 3, ring: 'r' });
    expect(ring.page(999, 2, 'r').last).toBe(3);
  });
});
