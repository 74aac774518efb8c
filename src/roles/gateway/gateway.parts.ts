import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { driverEntry } from '../../drivers/driver-registry.js';
import type { Driver } from '../../drivers/driver.js';
import { FileComponentCatalogue } from '../../platform/components/file-component-catalogue.js';
import type { ComponentCatalogue } from '../../platform/components/component-catalogue.js';
import type { Settings } from '../../platform/configuration/settings.js';
import { ensurePrivateDirectory } from '../../platform/files/private-directory.js';
import { openKeyFile } from '../../platform/secrets/key-file.js';
import type { Sealer } from '../../platform/secrets/sealer.js';
import { lockDataDirectory } from '../../platform/store/data-directory.js';
import type { ObjectStore } from '../../platform/store/object-store.js';
import { openSqliteObjectStore } from '../../platform/store/sqlite/sqlite-object-store.js';
import type { ServiceLogger } from '../../platform/telemetry/logger.js';
import type { Certificates } from '../../platform/tls/certificates.js';
import { LocalCertificateAuthority } from '../../platform/tls/local-certificate-authority.js';

/** What a gateway stands on, opened once before anything listens. */
export interface GatewayParts {
  store: ObjectStore;
  sealer: Sealer;
  certificates: Certificates;
  catalogue: ComponentCatalogue;
  driver: Driver;
  /** Stops what the driver runs, then lets go of the data directory. */
  close: () => Promise<void>;
}

/**
 * Opens the data directory and everything in it.
 *
 * @throws DomainError that names the directory or file and what to do; nothing is changed then
 */
export async function openGatewayParts(settings: Settings, logger: ServiceLogger): Promise<GatewayParts> {
  // An unknown driver is told before anything is touched.
  const entry = driverEntry(settings.driver);
  const lock = lockDataDirectory(settings.dataDir);
  let store: ObjectStore | undefined;
  try {
    const file = join(settings.dataDir, 'opni.db');
    const tlsDirectory = join(settings.dataDir, 'tls');
    const keyFile = settings.secrets.keyFile ?? join(settings.dataDir, 'secrets.key');
    const isNew = !existsSync(file);
    // CA keys are sealed with it: beside them, or a store, a missing key file is a loss and no new beginning.
    const mayCreate = isNew && !existsSync(tlsDirectory);
    await ensurePrivateDirectory(dirname(keyFile));
    const sealer = await openKeyFile({ file: keyFile, mayCreate });
    const expectExisting = isNew && existsSync(tlsDirectory);
    store = await openSqliteObjectStore({ file, expectExisting, logger: logger.pino });
    const certificates = new LocalCertificateAuthority({ directory: tlsDirectory, sealer });
    const catalogue = new FileComponentCatalogue({
      cacheDir: settings.componentsDir,
      paths: { alertmanager: settings.components.alertmanager.path },
      mirror: settings.components.mirror,
    });
    const driver = await entry.load({ dataDir: settings.dataDir, catalogue, certificates, logger });
    const opened = store;
    const close = async (): Promise<void> => {
      try {
        await driver.stop();
      } finally {
        await opened.close();
        lock.release();
      }
    };
    return { store: opened, sealer, certificates, catalogue, driver, close };
  } catch (error) {
    await store?.close();
    lock.release();
    throw error;
  }
}
