import { DomainError } from '../platform/errors.js';
import type { DriverEntry } from './driver.js';

/** Every driver there is, by the name that configuration uses. */
export const DRIVER_REGISTRY: readonly DriverEntry[] = [
  {
    name: 'local',
    description: 'Supervised child processes on this machine, on loopback addresses.',
    backends: ['alerting'],
    load: async (context) => {
      const { LocalDriver } = await import('./local/local.driver.js');
      return new LocalDriver(context);
    },
  },
];

/** @throws DomainError `unknown-driver` naming the known ones */
export function driverEntry(name: string): DriverEntry {
  const entry = DRIVER_REGISTRY.find((candidate) => candidate.name === name);
  if (entry) return entry;
  const known = DRIVER_REGISTRY.map((candidate) => `"${candidate.name}"`).join(', ');
  throw new DomainError({
    category: 'not-found',
    code: 'unknown-driver',
    detail: `There is no driver "${name}". Known: ${known}.`,
  });
}
