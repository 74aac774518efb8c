import { Injectable, type OnModuleInit } from '@nestjs/common';
import { ReadinessRegistry } from '../../platform/http/readiness.js';
import { ObjectStore } from '../../platform/store/object-store.js';

/** `/readyz` is 200 only while the store answers. */
@Injectable()
export class StoreReadiness implements OnModuleInit {
  constructor(
    private readonly store: ObjectStore,
    private readonly readiness: ReadinessRegistry,
  ) {}

  onModuleInit(): void {
    this.readiness.addCheck('store', async () => {
      await this.store.check();
      return { state: 'ok' };
    });
  }
}
