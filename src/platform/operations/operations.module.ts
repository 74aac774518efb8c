import { Global, Module, type OnModuleInit } from '@nestjs/common';
import { PublicKinds } from '../events/public-kinds.js';
import type { StoredObject } from '../store/object-store.js';
import { OPERATION_KIND, type Operation } from './operation.js';
import { OPERATIONS_PATH, OperationResponder, readOperation } from './operation-responder.js';
import { OperationCancellers } from './operation-cancellers.js';
import { OperationsController } from './operations.controller.js';
import { OperationsService } from './operations.service.js';

@Global()
@Module({
  controllers: [OperationsController],
  providers: [OperationsService, OperationResponder, OperationCancellers],
  exports: [OperationsService, OperationResponder, OperationCancellers],
})
export class OperationsModule implements OnModuleInit {
  constructor(private readonly kinds: PublicKinds) {}

  onModuleInit(): void {
    this.kinds.add({
      name: 'operation',
      kind: OPERATION_KIND,
      path: OPERATIONS_PATH,
      represent: (object) => readOperation(object as StoredObject<Operation>),
    });
  }
}
