import { mkdir } from 'node:fs/promises';
import https from 'node:https';
import { join } from 'node:path';
import { pino, type Logger } from 'pino';
import { messageOf } from '../platform/errors.js';
import type { CompanionSettings } from './companion-api.js';
import { EmbeddedServer } from './embedded-server/embedded-server.js';
import { EndpointTester } from './endpoint-tests/endpoint-tester.js';
import { sweepScratch } from './endpoint-tests/scratch-alertmanager.js';
import { closeServer, listen } from './http/close-server.js';
import { probeServer } from './http/probe-server.js';
import { router } from './http/router.js';
import { readTlsFiles, watchTlsFiles } from './http/tls-files.js';
import { PassThrough } from './pass-through/pass-through.js';
import { routes } from './routes.js';
import { parseAddress, readSettings, type Address } from './settings.js';
import { AlertmanagerClient } from './syncer/alertmanager-client.js';
import { ConfigChecker } from './syncer/config-checker.js';
import { ConfigFiles } from './syncer/config-files.js';
import { MemberReporter } from './syncer/member-status.js';
import { Syncer } from './syncer/syncer.js';

/** Shorter than what a supervisor usually waits before it kills. */
const GRACE = 8_000;

/**
 * Runs `opni alertmanager-companion --config FILE` until SIGTERM or SIGINT: then it stops accepting, finishes what it
 * does, and resolves, so that the process ends with 0.
 * @throws SettingsError, or an error that names the file or the address that cannot be used
 */
export async function runCompanion(settingsFile: string): Promise<void> {
  const stopped = signalled('SIGTERM', 'SIGINT');
  const settings = await readSettings(settingsFile);
  const log = pino({
    level: settings.logLevel,
    base: { role: 'alertmanager-companion', member: settings.member },
  });
  const companion = new Companion(settings, log);
  try {
    await companion.start();
  } catch (error) {
    // What listens already would keep the process.
    await companion.stop();
    throw error;
  }
  log.info({ listen: settings.listen, probeListen: settings.probeListen }, 'The companion is ready.');
  log.info({ signal: await stopped }, 'The companion is stopping.');
  await companion.stop();
}

/** The parts of one companion, put together. */
class Companion {
  readonly #syncer: Syncer;
  readonly #embeddedServer: EmbeddedServer;
  readonly #tester: EndpointTester;
  readonly #passThrough: PassThrough;
  readonly #alertmanager: AlertmanagerClient;
  readonly #probes = probeServer(() => this.#ready);
  readonly #scratchDir: string;
  readonly #files: ConfigFiles;
  #server: https.Server | null = null;
  #stopWatching: () => void = () => undefined;
  #ready = false;

  constructor(
    private readonly settings: CompanionSettings,
    private readonly log: Logger,
  ) {
    const { dataDir, binaries, tls } = settings;
    const now = () => Date.now();
    this.#scratchDir = join(dataDir, 'scratch');
    this.#files = new ConfigFiles(dataDir);
    this.#alertmanager = new AlertmanagerClient(settings.alertmanagerUrl.replace(/\/$/, ''));
    this.#embeddedServer = new EmbeddedServer(join(dataDir, 'messages'), { log, now });
    this.#tester = new EndpointTester({ alertmanager: binaries.alertmanager, scratchDir: this.#scratchDir });
    this.#passThrough = new PassThrough(this.#alertmanager.url);
    this.#syncer = new Syncer({
      files: this.#files,
      checker: new ConfigChecker(binaries.amtool, this.#scratchDir),
      alertmanager: this.#alertmanager,
      own: { url: `https://${settings.listen}/v1/webhook`, tls },
      log,
      now,
    });
  }

  async start(): Promise<void> {
    const { settings, log } = this;
    const probe = addressOf(settings.probeListen);
    await mkdir(this.#scratchDir, { recursive: true, mode: 0o700 });
    this.#probes.on('error', (error) => log.error({ reason: error.message }, 'The probe port failed.'));
    await sweepScratch(this.#scratchDir).catch((error: unknown) => {
      log.warn(
        { reason: messageOf(error) },
        'What an earlier endpoint test left behind could not be removed.',
      );
    });
    const [material] = await Promise.all([
      readTlsFiles(settings.tls),
      listen(this.#probes, probe.host, probe.port),
      this.#embeddedServer.start(),
      this.#syncer.start(),
      sweepScratch(this.#scratchDir).catch((error: unknown) => {
        log.warn(
          { reason: messageOf(error) },
          'What an earlier endpoint test left behind could not be removed.',
        );
      }),
    ]);
    const reporter = new MemberReporter(settings.member, this.#syncer, this.#files, this.#alertmanager);
    const handler = router(
      routes({
        syncer: this.#syncer,
        status: () => reporter.status(),
        embeddedServer: this.#embeddedServer,
        tester: this.#tester,
        passThrough: this.#passThrough,
        log,
      }),
      log,
    );
    const server = https.createServer(
      {
        ...material,
        requestCert: true,
        rejectUnauthorized: true,
        minVersion: 'TLSv1.2',
        handshakeTimeout: 10_000,
        headersTimeout: 10_000,
        requestTimeout: 60_000,
        keepAliveTimeout: 65_000,
      },
      handler,
    );
    this.#server = server;
    server.on('tlsClientError', (error) => log.debug({ reason: error.message }, 'A TLS handshake failed.'));
    server.on('error', (error) => log.error({ reason: error.message }, 'The mTLS port failed.'));
    const { host, port } = addressOf(settings.listen);
    await listen(server, host, port);
    this.#stopWatching = watchTlsFiles(settings.tls, (fresh) => server.setSecureContext(fresh), log);
    this.#ready = true;
  }

  async stop(): Promise<void> {
    this.#ready = false;
    this.#stopWatching();
    this.#tester.close();
    if (this.#server !== null) await closeServer(this.#server, GRACE);
    await this.#syncer.idle();
    await this.#embeddedServer.close();
    await closeServer(this.#probes, 0);
  }
}

function addressOf(text: string): Address {
  const address = parseAddress(text);
  if (address === null) throw new Error(`"${text}" is no "host:port".`);
  return address;
}

function signalled(...signals: NodeJS.Signals[]): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of signals) process.once(signal, resolve);
  });
}
