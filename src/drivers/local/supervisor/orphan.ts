import { messageOf } from '../../../platform/errors.js';
import { startTimeOf } from './proc-fs.js';
import { findMarked, findRecorded, isLeader, type FoundProcess } from './process-finder.js';
import { stopProcess, killMarked, type Owner } from './process-group.js';
import type { ProcessRecord, ProcessRecords } from './process-record.js';
import type { SupervisorLogger } from './supervisor-options.js';

/** How long a process gets to stop if nothing says otherwise. */
const STOP_TIMEOUT = 10_000;

/** What an earlier gateway left: a record, a process, both or neither. */
export interface Legacy {
  record: ProcessRecord | undefined;
  process: (FoundProcess & { startedAt: string }) | null;
}

/**
 * Looks for the recorded process or, as a gateway may die before it writes the record, for the oldest one that carries
 * our marker. A record that cannot be read is reported and does without.
 * @param now milliseconds since the epoch
 */
export async function findLegacy(
  owner: Owner,
  records: ProcessRecords,
  logger: SupervisorLogger,
  now: number,
): Promise<Legacy> {
  const { scope, name } = owner;
  const record = await records.read(name).catch((error: unknown) => {
    logger.error({ process: name, reason: messageOf(error) }, 'Goes on without the record of a process');
    return undefined;
  });
  const found = (record && findRecorded(scope, record)) ?? findMarked(scope, name).find(isLeader);
  if (!found) return { record, process: null };
  const startedAt =
    record?.pid === found.pid ? record.startedAt : new Date(startTimeOf(found.startTicks, now)).toISOString();
  return { record, process: { ...found, startedAt } };
}

/**
 * Stops what an earlier gateway left under this name, if anything, and forgets its record.
 * @throws DomainError `process-not-stopped`
 */
export async function stopLegacy(
  owner: Owner,
  records: ProcessRecords,
  logger: SupervisorLogger,
  now: number,
): Promise<void> {
  const { record, process } = await findLegacy(owner, records, logger, now);
  if (process) {
    logger.info(
      { process: owner.name, pid: process.pid },
      'Stops a process from before that is no longer wanted',
    );
    await stopProcess(process, owner, record?.stopTimeout ?? STOP_TIMEOUT);
  } else await killMarked(owner);
  await records.delete(owner.name);
}
