import { Module, type DynamicModule } from '@nestjs/common';
import { TokenVerifier } from '../auth/token-verifier.js';
import { Clock, SystemClock } from '../clock.js';
import { Settings } from '../configuration/settings.js';
import { Metrics } from '../telemetry/http-metrics.js';
import { HealthController } from './health.controller.js';
import { ReadinessRegistry } from './readiness.js';

/** What every part may inject without importing anything: settings, clock, readiness, metrics. Made by `createApp`. */
@Module({})
export class PlatformHttpModule {
  static register(parts: { settings: Settings; tokens: TokenVerifier }): DynamicModule {
    return {
      module: PlatformHttpModule,
      global: true,
      controllers: [HealthController],
      providers: [
        { provide: Settings, useValue: parts.settings },
        { provide: Clock, useClass: SystemClock },
        { provide: TokenVerifier, useValue: parts.tokens },
        { provide: ReadinessRegistry, useValue: new ReadinessRegistry() },
        { provide: Metrics, useValue: new Metrics() },
      ],
      exports: [Settings, Clock, TokenVerifier, ReadinessRegistry, Metrics],
    };
  }
}
