import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ALERTMANAGER_TIMEOUT_MS, alertmanagerBinaries } from '../support/alertmanager.js';

const run = promisify(execFile);

describe('the real Alertmanager', () => {
  it(
    'is resolved with its amtool, in the pinned version',
    async () => {
      const { alertmanager, amtool } = await alertmanagerBinaries();
      expect((await run(alertmanager, ['--version'])).stdout).toContain('alertmanager, version 0.31.1');
      expect((await run(amtool, ['--version'])).stdout).toContain('amtool, version 0.31.1');
    },
    ALERTMANAGER_TIMEOUT_MS,
  );
});
