/** Both ends included. */
export interface PortRange {
  first: number;
  last: number;
}

const PREFERRED: PortRange = { first: 20_000, last: 29_999 };
const UNPRIVILEGED: PortRange = { first: 1024, last: 65_535 };
const ENOUGH = 100;

/**
 * Ports that the kernel does not give to outgoing connections, which would otherwise take a persisted port now and
 * then. 20000-29999 where they are, else the larger side of the ephemeral range; 20000-29999 as well if neither has room.
 */
export function choosePortRange(ephemeral: PortRange): PortRange {
  if (PREFERRED.last < ephemeral.first || PREFERRED.first > ephemeral.last) return PREFERRED;
  const below = { first: UNPRIVILEGED.first, last: Math.min(ephemeral.first - 1, UNPRIVILEGED.last) };
  const above = { first: Math.max(ephemeral.last + 1, UNPRIVILEGED.first), last: UNPRIVILEGED.last };
  const larger = sizeOf(above) > sizeOf(below) ? above : below;
  return sizeOf(larger) >= ENOUGH ? larger : PREFERRED;
}

/** The two numbers of `/proc/sys/net/ipv4/ip_local_port_range`; `null` when it says something else. */
export function parseEphemeralRange(text: string): PortRange | null {
  const match = /^\s*(\d{1,5})\s+(\d{1,5})\s*$/.exec(text);
  if (!match) return null;
  const [first, last] = [Number(match[1]), Number(match[2])];
  return first <= last ? { first, last } : null;
}

/** Every port of the range once, from a start that depends on `seed` alone. */
export function* portsFrom(range: PortRange, seed: number): Generator<number> {
  const size = sizeOf(range);
  for (let offset = 0; offset < size; offset += 1) yield range.first + ((seed + offset) % size);
}

function sizeOf(range: PortRange): number {
  return Math.max(0, range.last - range.first + 1);
}
