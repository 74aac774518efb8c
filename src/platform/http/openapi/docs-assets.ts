import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { DOCS_SCRIPT } from './docs.controller.js';

/** A dependency of `@nestjs/swagger`, found from there: its version is the one that package wants. */
const SWAGGER_UI = 'swagger-ui-dist';
const ASSETS = new Set(['/swagger-ui.css', '/swagger-ui-bundle.js', '/favicon-32x32.png']);

/** Files of Swagger UI below `/docs/`, as its package ships them. */
export async function addDocsAssets(instance: FastifyInstance): Promise<void> {
  const require = createRequire(createRequire(import.meta.url).resolve('@nestjs/swagger'));
  const root = dirname(require.resolve(`${SWAGGER_UI}/package.json`));
  await instance.register(async (scope) => {
    scope.addHook('onRoute', (route) => {
      route.config = { ...route.config, public: true };
    });
    await scope.register(fastifyStatic, {
      root,
      prefix: '/docs/',
      decorateReply: false,
      index: false,
      allowedPath: (path) => ASSETS.has(path),
      cacheControl: false,
    });
    scope.get('/docs/start.js', (_request, reply) => {
      void reply.type('text/javascript; charset=utf-8').send(DOCS_SCRIPT);
    });
    scope.get('/docs/', (_request, reply) => {
      void reply.redirect('../docs', 308);
    });
  });
}
