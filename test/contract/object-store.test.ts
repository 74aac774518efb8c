import { join } from 'node:path';
import { openSqliteObjectStore } from '../../src/platform/store/sqlite/sqlite-object-store.js';
import { tempDir } from '../support/temp-dir.js';
import { objectStoreContract } from './object-store.suite.js';

objectStoreContract('SQLite', {
  newPlace: tempDir,
  open: (directory, options) => openSqliteObjectStore({ file: join(directory, 'store.db'), ...options }),
});
