import { join } from 'node:path';
import type { ConditionUpdate } from '../../platform/conditions.js';
import { Driver, type DriverContext, type DriverWorkload } from '../driver.js';
import { LocalAlertingDriver } from './alerting/local-alerting.driver.js';
import { PortRegistry } from './ports/port-registry.js';
import { ProcessSupervisor } from './process-supervisor.js';
import { thisProgram } from './this-program.js';

/** Everything as child processes of the gateway, which live on when it is killed. */
export class LocalDriver extends Driver {
  override readonly name = 'local';
  override readonly alerting: LocalAlertingDriver;
  readonly #supervisor: ProcessSupervisor;

  constructor(private readonly context: DriverContext) {
    super();
    const directory = join(context.dataDir, 'local');
    const logger = context.logger.pino;
    this.#supervisor = new ProcessSupervisor({ stateDir: directory, logger });
    this.alerting = new LocalAlertingDriver({
      directory: join(directory, 'alerting'),
      supervisor: this.#supervisor,
      ports: new PortRegistry({ stateDir: directory, logger }),
      catalogue: context.catalogue,
      certificates: context.certificates,
      self: thisProgram(),
    });
  }

  override conditions(): Promise<ConditionUpdate[]> {
    const { catalogue } = this.context;
    const resolved = catalogue.resolved();
    return Promise.resolve(
      catalogue.names().map((name) => {
        const component = resolved.find((candidate) => candidate.name === name);
        const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Available`;
        return component
          ? {
              type,
              status: 'True',
              reason: 'Found',
              message: `${name} ${component.version} (${component.origin})`,
              observedGeneration: 0,
            }
          : {
              type,
              status: 'Unknown',
              reason: 'NotNeededYet',
              message: `${name} is looked for when it is first needed.`,
              observedGeneration: 0,
            };
      }),
    );
  }

  override workloads(): Promise<DriverWorkload[]> {
    return Promise.resolve(
      this.#supervisor.states().map(({ name, phase, pid, restarts, startedAt, error, lastExit }) => ({
        name,
        kind: 'Process',
        desired: 1,
        ready: phase === 'ready' ? 1 : 0,
        reason: phase
          .split('-')
          .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
          .join(''),
        message:
          error ??
          (lastExit === null
            ? null
            : `ended at ${lastExit.at} with ${lastExit.signal ?? `exit code ${lastExit.code ?? 'unknown'}`}`),
        pid,
        restarts,
        startedAt,
      })),
    );
  }

  override async stop(): Promise<void> {
    const alertmanagers = this.#supervisor
      .states()
      .map((state) => state.name)
      .filter((name) => name.endsWith('-alertmanager'));
    await this.#supervisor.stopAll(alertmanagers);
    this.#supervisor.dispose();
  }
}
