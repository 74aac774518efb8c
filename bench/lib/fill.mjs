import { join } from 'node:path';
import { DIST } from './process.mjs';

export const OBJECTS = 100_000;
const BATCH = 1000;

/** @param {number} index */
export function endpointInput(index) {
  return {
    name: `webhook ${index}`,
    description: 'Pages the team that owns the service.',
    labels: { team: `team-${index % 100}`, environment: 'production' },
    type: 'webhook',
    webhook: {
      url: `https://hooks.example.org/services/${index}`,
      send_resolved: true,
      max_alerts: 0,
      http_config: { authorization: { type: 'Bearer', credentials: `not-a-secret-${index}` } },
    },
    notifications: { enabled: false, severities: ['info', 'warning', 'error', 'critical'] },
  };
}

/**
 * Stores endpoints as the gateway would, through the store and not through HTTP. A gateway has used the directory before.
 * @param {string} dataDir @param {number} count
 * @returns {Promise<string[]>} their ids, in the order of the list
 */
export async function fillWithEndpoints(dataDir, count) {
  const { openSqliteObjectStore } = await import(join(DIST, 'platform/store/sqlite/sqlite-object-store.js'));
  const { openKeyFile } = await import(join(DIST, 'platform/secrets/key-file.js'));
  const { sealSecrets } = await import(join(DIST, 'platform/secrets/secret-fields.js'));
  const { receiverType } = await import(join(DIST, 'alerting-backend/endpoints/receivers/receiver-types.js'));
  const { secrets: patterns } = receiverType('webhook');
  const sealer = await openKeyFile({ file: join(dataDir, 'secrets.key'), mayCreate: false });
  const store = await openSqliteObjectStore({ file: join(dataDir, 'opni.db') });
  const ids = Array.from({ length: count }, (_, index) => `endpoint-${String(index).padStart(7, '0')}`);
  try {
    for (let first = 0; first < count; first += BATCH) {
      await store.transact(
        ids.slice(first, first + BATCH).map((id, offset) => {
          const { webhook, ...rest } = endpointInput(first + offset);
          const block = sealSecrets(webhook, { patterns, sealer, context: `endpoint/${id}` });
          return { op: 'put', kind: 'endpoint', id, document: { ...rest, block }, labels: rest.labels };
        }),
      );
    }
  } finally {
    await store.close();
  }
  return ids;
}
