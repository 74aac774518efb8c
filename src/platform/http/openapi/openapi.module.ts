import { Module } from '@nestjs/common';
import { DocsController } from './docs.controller.js';
import { OpenApiSource } from './openapi.source.js';

/** `/docs` and `/openapi.json`. */
@Module({ controllers: [DocsController], providers: [OpenApiSource], exports: [OpenApiSource] })
export class OpenApiModule {}
