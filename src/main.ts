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

await program.parseAsync().catch(fail);
