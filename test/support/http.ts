import { readFileSync } from 'node:fs';
import type { Type } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { OpenAPIObject } from '@nestjs/swagger';
import supertest, { type Response, type Test } from 'supertest';
import { loadSettings } from '../../src/platform/configuration/load-settings.js';
import type { Settings } from '../../src/platform/configuration/settings.js';
import { createApp, listen, shutdown } from '../../src/platform/http/create-app.js';
import { OpenApiSource } from '../../src/platform/http/openapi/openapi.source.js';
import { createLogger, type ServiceLogger } from '../../src/platform/telemetry/logger.js';
import { responseCheck } from './openapi-response.js';

export type Method = 'get' | 'head' | 'put' | 'post' | 'patch' | 'delete' | 'options';

/** supertest whose every answer is checked against the OpenAPI document, whatever its status. */
export type Api = Record<Method, (path: string) => Test>;

export interface TestApp {
  app: NestFastifyApplication;
  settings: Settings;
  url: string;
  document: OpenAPIObject;
  /** With the administrator's token when the application asks for one. */
  api: Api;
  /** Without any credentials. */
  stranger: Api;
  close(): Promise<void>;
}

export interface TestAppOptions {
  /** `OPNI_*` variables; `OPNI_DATA_DIR` is required. The port is chosen by the system unless set. */
  env: NodeJS.ProcessEnv & { OPNI_DATA_DIR: string };
  /** `committed` (default): `openapi/openapi.json`. `served`: of the running application, for modules that are not shipped. */
  document?: 'committed' | 'served';
  logger?: ServiceLogger;
}

/** The document as it is in the repository, which was generated with all plugins. */
export function committedDocument(): OpenAPIObject {
  return JSON.parse(
    readFileSync(new URL('../../openapi/openapi.json', import.meta.url), 'utf8'),
  ) as OpenAPIObject;
}

/** A checked client of a service that already listens at `url`, in this process or another. */
export function checkedApi(url: string, document: OpenAPIObject, headers: Record<string, string> = {}): Api {
  const check = responseCheck(document);
  const request = supertest(url);
  const call =
    (method: Method) =>
    (path: string): Test =>
      request[method](path)
        .set(headers)
        .expect((response: Response) => check(method, path, response));
  return {
    get: call('get'),
    head: call('head'),
    put: call('put'),
    post: call('post'),
    patch: call('patch'),
    delete: call('delete'),
    options: call('options'),
  };
}

/** Starts a module behind the real conventions on a free port of 127.0.0.1. Close it when the test ends. */
export async function startTestApp(module: Type, options: TestAppOptions): Promise<TestApp> {
  const env = { OPNI_LISTEN: '127.0.0.1:0', OPNI_LOG_LEVEL: 'fatal', ...options.env };
  const settings = loadSettings({ env, terminal: false });
  const app = await createApp(module, settings, options.logger ?? (await createLogger(settings)));
  const url = await listen(app, settings);
  const document = options.document === 'served' ? app.get(OpenApiSource).document() : committedDocument();
  const authorization: Record<string, string> =
    settings.auth.mode === 'token'
      ? { authorization: `Bearer ${readFileSync(`${settings.dataDir}/admin-token`, 'utf8').trim()}` }
      : {};
  return {
    app,
    settings,
    url,
    document,
    api: checkedApi(url, document, authorization),
    stranger: checkedApi(url, document),
    close: async () => {
      if (app.getHttpServer().listening) await shutdown(app, 1000);
    },
  };
}
