import { Global, Module } from '@nestjs/common';
import { join } from 'node:path';
import { EventsModule } from '../../src/platform/events/events.module.js';
import { OperationsModule } from '../../src/platform/operations/operations.module.js';
import { openKeyFile } from '../../src/platform/secrets/key-file.js';
import { Sealer } from '../../src/platform/secrets/sealer.js';
import { ObjectStore } from '../../src/platform/store/object-store.js';
import {
  openSqliteObjectStore,
  type SqliteObjectStore,
} from '../../src/platform/store/sqlite/sqlite-object-store.js';
import { startTestApp, type TestApp } from './http.js';
import { ToyBackendModule } from './toy-backend.js';

export interface ToyBackendApp extends TestApp {
  store: SqliteObjectStore;
  dataDir: string;
}

/** The toy backend behind the real HTTP service, over a real store and key file in `dataDir`. */
export async function startToyBackend(dataDir: string): Promise<ToyBackendApp> {
  const sealer = await openKeyFile({ file: join(dataDir, 'secrets.key'), mayCreate: true });
  const store = await openSqliteObjectStore({ file: join(dataDir, 'opni.db') });
  class PartsModule {}
  Global()(PartsModule);
  Module({
    providers: [
      { provide: ObjectStore, useValue: store },
      { provide: Sealer, useValue: sealer },
    ],
    exports: [ObjectStore, Sealer],
  })(PartsModule);
  class RoleModule {}
  Module({ imports: [PartsModule, EventsModule, OperationsModule, ToyBackendModule] })(RoleModule);
  const app = await startTestApp(RoleModule, { env: { OPNI_DATA_DIR: dataDir }, document: 'served' });
  const close = async (): Promise<void> => {
    await app.close();
    await store.close();
  };
  return { ...app, store, dataDir, close };
}
