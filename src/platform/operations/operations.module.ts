import { Global, Module } from '@nestjs/common';
import { OperationResponder } from './operation-responder.js';
import { OperationsController } from './operations.controller.js';
import { OperationsService } from './operations.service.js';

@Global()
@Module({
  controllers: [OperationsController],
  providers: [OperationsService, OperationResponder],
  exports: [OperationsService, OperationResponder],
})
export class OperationsModule {}
