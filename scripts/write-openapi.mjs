/**
 * Writes `openapi/openapi.json`: the document that the built gateway serves, nothing else. With `--check` it only compares, and
 * ends with 1 when the committed file is stale. Needs `dist/` (the Swagger plugin runs in the build).
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const FILE = fileURLToPath(new URL('../openapi/openapi.json', import.meta.url));
const dist = (path) => import(new URL(`../dist/${path}`, import.meta.url).href);

/** A gateway as it starts, on a data directory of its own and without opening a port. */
async function servedDocument() {
  const { ListQueryDto } = await dist('platform/http/query.dto.js');
  if (!('_OPENAPI_METADATA_FACTORY' in ListQueryDto)) {
    throw new Error('dist/ was built without the Swagger plugin. Run npm run build first.');
  }
  const { loadSettings } = await dist('platform/configuration/load-settings.js');
  const { createLogger } = await dist('platform/telemetry/logger.js');
  const { createGateway } = await dist('roles/gateway/gateway.js');
  const directory = mkdtempSync(join(tmpdir(), 'opni-openapi-'));
  const settings = loadSettings({
    env: { OPNI_DATA_DIR: join(directory, 'data'), OPNI_BOOTSTRAP_INSTALL: '', OPNI_LOG_LEVEL: 'error' },
    terminal: false,
  });
  try {
    const { app, parts } = await createGateway(settings, await createLogger(settings));
    try {
      await app.init();
      const response = await app.inject({ url: '/openapi.json', headers: { host: 'localhost' } });
      if (response.statusCode !== 200)
        throw new Error(`/openapi.json answers ${response.statusCode}: ${response.body}`);
      return `${JSON.stringify(response.json(), null, 2)}\n`;
    } finally {
      await app.close();
      await parts.close();
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const document = await servedDocument();
if (process.argv.includes('--check')) {
  const stale = !existsSync(FILE) || readFileSync(FILE, 'utf8') !== document;
  if (stale) process.stderr.write('openapi/openapi.json is stale. Run npm run openapi and commit it.\n');
  process.exitCode = stale ? 1 : 0;
} else {
  mkdirSync(new URL('../openapi/', import.meta.url), { recursive: true });
  writeFileSync(FILE, document);
}
