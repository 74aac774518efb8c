import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll } from 'vitest';
import { LocalAlertingDriver } from '../../src/drivers/local/alerting/local-alerting.driver.js';
import { PortRegistry } from '../../src/drivers/local/ports/port-registry.js';
import { ProcessSupervisor } from '../../src/drivers/local/process-supervisor.js';
import { findMarked } from '../../src/drivers/local/supervisor/process-finder.js';
import { readStat } from '../../src/drivers/local/supervisor/proc-fs.js';
import { scopeOf } from '../../src/drivers/local/supervisor/program.js';
import { defaultComponentsDir } from '../../src/platform/components/default-components-dir.js';
import { FileComponentCatalogue } from '../../src/platform/components/file-component-catalogue.js';
import { openKeyFile } from '../../src/platform/secrets/key-file.js';
import { LocalCertificateAuthority } from '../../src/platform/tls/local-certificate-authority.js';
import { ALERTMANAGER_TIMEOUT_MS, alertmanagerBinaries } from '../support/alertmanager.js';
import { killAllOf } from '../support/gateway.js';
import { alertingDriverSuite, STANDALONE, type AlertingDriverHarness } from './alerting-driver.suite.js';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

beforeAll(async () => void (await alertmanagerBinaries()), ALERTMANAGER_TIMEOUT_MS);

async function localHarness(): Promise<AlertingDriverHarness> {
  const root = await mkdtemp(join(tmpdir(), 'opni-driver-'));
  const stateDir = join(root, 'local');
  const directory = join(stateDir, 'alerting');
  const sealer = await openKeyFile({ file: join(root, 'secrets.key'), mayCreate: true });
  const certificates = new LocalCertificateAuthority({ directory: join(root, 'tls'), sealer });
  const catalogue = new FileComponentCatalogue({
    cacheDir: process.env['OPNI_COMPONENTS_DIR'] ?? defaultComponentsDir(),
    paths: { alertmanager: process.env['OPNI_COMPONENTS_ALERTMANAGER_PATH'] },
    mirror: process.env['OPNI_COMPONENTS_MIRROR'],
  });
  let supervisor: ProcessSupervisor;
  const open = (): LocalAlertingDriver => {
    supervisor = new ProcessSupervisor({ stateDir });
    return new LocalAlertingDriver({
      directory,
      supervisor,
      ports: new PortRegistry({ stateDir }),
      catalogue,
      certificates,
      self: { command: process.execPath, args: [MAIN] },
    });
  };
  const running = (): { name: string; pid: number }[] =>
    existsSync(stateDir) ? findMarked(scopeOf(stateDir)) : [];

  return {
    driver: open(),
    runs: () =>
      Promise.resolve(
        Object.fromEntries(
          running()
            .map(({ name, pid }): [string, string] => [name, `${pid}@${readStat(pid)?.startTicks}`])
            .toSorted(([a], [b]) => (a < b ? -1 : 1)),
        ),
      ),
    killAlertmanager: (member) => {
      const found = running().find(({ name }) => name === `${member}-alertmanager`);
      if (found === undefined) throw new Error(`no Alertmanager of ${member} runs`);
      process.kill(found.pid, 'SIGKILL');
      return Promise.resolve();
    },
    replaceDriver: () => {
      supervisor.dispose();
      return Promise.resolve(open());
    },
    hasData: () => Promise.resolve(filesOf(directory).length > 0),
    // Every line of the keys that members have; the first and the last say only what they are.
    secrets: () =>
      Promise.resolve(
        filesOf(directory)
          .filter((file) => file.endsWith('.key'))
          .flatMap((file) => readFileSync(file, 'utf8').trim().split('\n').slice(1, -1)),
      ),
    dispose: async () => {
      supervisor.dispose();
      await killAllOf(root);
      await rm(root, { recursive: true, force: true });
    },
  };
}

function filesOf(directory: string): string[] {
  try {
    return readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
  } catch {
    return [];
  }
}

alertingDriverSuite({
  name: 'local',
  create: localHarness,
  unsupported: [
    { pointer: '/controllers/replicas', spec: { ...STANDALONE, controllers: { replicas: 2 } } },
    { pointer: '/workers/replicas', spec: { ...STANDALONE, workers: { replicas: 1 } } },
  ],
  readyTimeout: 20_000,
});
