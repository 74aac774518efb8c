#!/usr/bin/env node
import { Command } from 'commander';
import { VERSION } from './platform/version.js';

/** Reports what stopped the program; stacks are for bugs only. */
function fail(error: unknown): void {
  const known =
    error instanceof Error &&
    ['ConfigurationError', 'DomainError', 'CompanionSettingsError'].includes(error.name);
  process.stderr.write(
    known ? `${error.message}\n` : `${error instanceof Error ? error.stack : String(error)}\n`,
  );
  process.exitCode = 1;
}

const program = new Command('opni')
  .description('The open control plane for multi-cluster observability.')
  .version(VERSION)
  .showHelpAfterError();

program
  .command('gateway')
  .description('REST API, operations and, with the local driver, everything that it runs')
  .option('--config <file>', 'settings as YAML; environment variables win')
  .action(async (options: { config?: string }) => {
    const { runGateway } = await import('./roles/gateway/gateway.js');
    await runGateway(options);
  });

program
  .command('alertmanager-companion')
  .description('beside every Alertmanager: configuration syncer and embedded server (started by a driver)')
  .requiredOption('--config <file>', 'settings as JSON')
  .action(async (options: { config: string }) => {
    const { runCompanion } = await import('./alertmanager-companion/companion.js');
    await runCompanion(options.config);
  });

program
  .command('backup')
  .description('copy the data of a gateway, which may be running, to one file')
  .argument('<file>', 'where to; the key file is not in it')
  .option('--force', 'replace the file')
  .option('--config <file>', "the gateway's settings; environment variables win")
  .action(async (file: string, options: { config?: string; force?: boolean }) => {
    const { runBackup } = await import('./roles/backup/backup.js');
    await runBackup(file, options);
  });

program
  .command('restore')
  .description('put a backup into the data directory of a gateway that is stopped')
  .argument('<file>', 'what `opni backup` wrote')
  .option('--force', 'move aside what is in the data directory')
  .option('--config <file>', "the gateway's settings; environment variables win")
  .action(async (file: string, options: { config?: string; force?: boolean }) => {
    const { runRestore } = await import('./roles/backup/restore.js');
    await runRestore(file, options);
  });

await program.parseAsync().catch(fail);
