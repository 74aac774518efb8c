import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { loadSettings } from '../../platform/configuration/load-settings.js';
import type { Settings } from '../../platform/configuration/settings.js';
import { createApp, listen, shutdown } from '../../platform/http/create-app.js';
import { createLogger, type ServiceLogger } from '../../platform/telemetry/logger.js';
import { openGatewayParts, type GatewayParts } from './gateway.parts.js';
import { gatewayModule } from './gateway.module.js';
import { welcome } from './welcome.js';

/** Leaves of the 10 s that a stop may take what stopping the children needs. */
const DRAIN_MS = 7_000;

export interface Gateway {
  app: NestFastifyApplication;
  parts: GatewayParts;
}

/** Assembles a gateway without listening. The caller closes `app`, then `parts`. */
export async function createGateway(settings: Settings, logger: ServiceLogger): Promise<Gateway> {
  const parts = await openGatewayParts(settings, logger);
  try {
    return { app: await createApp(gatewayModule(parts), settings, logger), parts };
  } catch (error) {
    await parts.close();
    throw error;
  }
}

/**
 * Runs the gateway until SIGTERM or SIGINT: stops taking requests, ends its loops, stops what it supervises.
 *
 * @throws ConfigurationError, DomainError with a text for the terminal
 */
export async function runGateway(options: { config?: string }): Promise<void> {
  const settings = loadSettings({
    ...(options.config === undefined ? {} : { configFile: options.config }),
    env: process.env,
  });
  const logger = await createLogger(settings);
  const { app, parts } = await createGateway(settings, logger);
  const stopped = untilSignal();
  try {
    try {
      const url = await listen(app, settings);
      welcome(url, settings, logger);
      const signal = await stopped;
      logger.log(`Stopping on ${signal}.`, 'Gateway');
    } finally {
      // Also when it could not listen: its loops run already.
      await shutdown(app, DRAIN_MS);
    }
  } finally {
    await parts.close();
  }
}

/** The handlers stay: a second signal (a shell and its parent often send both) must not cut the stop short. */
function untilSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve(signal));
  });
}
