import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { bodyTypesOf } from '../media-type.js';
import { ProblemDto } from '../problem-details.dto.js';
import type { Route, RouteTable } from '../route-table.js';
import { VERSION } from '../../version.js';

type PathItem = OpenAPIObject['paths'][string];
type Operation = NonNullable<PathItem['get']>;
type ResponseObject = Exclude<NonNullable<Operation['responses']['200']>, { $ref: string }>;
const METHODS = ['get', 'put', 'post', 'delete', 'patch', 'head', 'options'] as const;

const TEXT_ERROR = { $ref: '#/components/responses/TextError' };
const PROBLEM = { $ref: '#/components/responses/Problem' };

/** The OpenAPI document of a running application: controllers say what they take, the route table what the hooks do. */
export function buildOpenApiDocument(app: INestApplication, routes: RouteTable): OpenAPIObject {
  const config = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Opni')
    .setDescription('The open control plane for multi-cluster observability.')
    .setVersion(VERSION)
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addServer('/')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'A token of this service.' }, 'bearer')
    .addSecurityRequirements('bearer')
    .build();
  const document = SwaggerModule.createDocument(app, config, {
    extraModels: [ProblemDto],
    operationIdFactory: (controller, method) => {
      const resource = controller.replace(/Controller$/, '');
      return `${resource.charAt(0).toLowerCase()}${resource.slice(1)}.${method}`;
    },
  });
  document.components ??= {};
  document.components.responses = {
    ...document.components.responses,
    Problem: problemResponse(),
    TextError: textErrorResponse(),
  };
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of METHODS) {
      const operation = item[method];
      if (!operation) continue;
      const route = routes.find(method.toUpperCase(), path.replaceAll(/\{([^}]+)\}/g, ':$1'));
      complete(operation, method.toUpperCase(), route);
    }
  }
  const problem = document.components.schemas?.['ProblemDto'];
  if (problem && !('$ref' in problem)) problem.additionalProperties = true;
  relaxDefaults(document);
  document.paths = sorted(document.paths);
  if (document.components.schemas) document.components.schemas = sorted(document.components.schemas);
  return document;
}

/** What every operation has in common, so that no controller has to repeat it. */
function complete(operation: Operation, method: string, route: Route | undefined): void {
  const options = route?.options ?? {};
  if (options.public) operation.security = [];
  for (const [status, response] of Object.entries(operation.responses)) {
    if (/^[45]/.test(status) && response && !('$ref' in response)) asProblem(response);
  }
  const error = options.textErrors ? TEXT_ERROR : PROBLEM;
  operation.responses = { ...operation.responses, '4XX': error, '5XX': error };
  if (options.etag) {
    for (const [status, response] of Object.entries(operation.responses)) {
      if (!status.startsWith('2') || !response || '$ref' in response) continue;
      response.headers = {
        ...response.headers,
        ETag: {
          description: 'The revision, for If-Match.',
          schema: { type: 'string', examples: ['"3"'] } as object,
        },
      };
    }
  }
  for (const parameter of operation.parameters ?? []) {
    // The plugin adds `items` for `@IsIn(…, { each: true })`, also where the parameter is text, e.g. a comma list.
    const schema = '$ref' in parameter ? undefined : parameter.schema;
    if (schema && 'items' in schema && schema.type === 'string') delete schema.items;
  }
  const body = operation.requestBody;
  if (body && 'content' in body) {
    const json = body.content['application/json'];
    const types = bodyTypesOf(method, options);
    if (json && !types.includes('application/json')) {
      delete body.content['application/json'];
      for (const type of types) body.content[type] ??= json;
    }
  }
}

/** A member that has a default may be left out of a request; in answers it is always there. */
function relaxDefaults(document: OpenAPIObject): void {
  const schemas = document.components?.schemas ?? {};
  const bodies = Object.values(document.paths).flatMap((item) =>
    METHODS.map((method) => item[method]?.requestBody),
  );
  const names = new Set(referencedBy(bodies));
  for (const name of names) for (const inner of referencedBy(schemas[name])) names.add(inner);
  for (const name of names) {
    const schema = schemas[name];
    if (!schema || '$ref' in schema || !schema.required) continue;
    const properties = schema.properties ?? {};
    const required = schema.required.filter((member) => !hasDefault(properties[member]));
    if (required.length > 0) schema.required = required;
    else delete schema.required;
  }
}

function hasDefault(schema: unknown): boolean {
  return typeof schema === 'object' && schema !== null && 'default' in schema;
}

/** Names of the schemas that a part of the document refers to. */
function referencedBy(part: unknown): string[] {
  const references = JSON.stringify(part ?? null).matchAll(/"#\/components\/schemas\/([^"]+)"/g);
  return [...references].map((match) => match[1] as string);
}

/** An error that a controller describes is a problem too, unless it names a type of its own. */
function asProblem(response: ResponseObject): void {
  const json = response.content?.['application/json'];
  const schema = json?.schema;
  const isProblem =
    schema && typeof schema === 'object' && '$ref' in schema && schema.$ref.endsWith('/ProblemDto');
  if (!response.content || isProblem)
    response.content = problemResponse().content as NonNullable<typeof response.content>;
}

function problemResponse(): ResponseObject {
  return {
    description: 'Why the request was not carried out (RFC 9457); `code` is stable.',
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/ProblemDto' } } },
  };
}

function textErrorResponse(): ResponseObject {
  return {
    description: 'Why the request was not carried out, as Alertmanager says it.',
    content: { 'application/json': { schema: { type: 'string' } } },
  };
}

function sorted<T>(record: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}
