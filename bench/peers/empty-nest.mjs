// The least that Nest, Fastify and Swagger together cost: one controller and Swagger UI, as their guides set them up.
import 'reflect-metadata';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';

class ReadinessController {
  ready() {
    return { status: 'ok' };
  }
}
Controller()(ReadinessController);
Get('/readyz')(
  ReadinessController.prototype,
  'ready',
  Object.getOwnPropertyDescriptor(ReadinessController.prototype, 'ready'),
);

class EmptyModule {}
Module({ controllers: [ReadinessController] })(EmptyModule);

const app = await NestFactory.create(EmptyModule, new FastifyAdapter(), { logger: ['error', 'warn'] });
const config = new DocumentBuilder().setTitle('Empty').setVersion('1').build();
SwaggerModule.setup('docs', app, () => SwaggerModule.createDocument(app, config));
app.enableShutdownHooks();
await app.listen(0, '127.0.0.1');
process.stdout.write(
  `${JSON.stringify({ url: `http://127.0.0.1:${app.getHttpServer().address().port}` })}\n`,
);
