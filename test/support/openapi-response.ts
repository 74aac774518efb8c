import assert from 'node:assert/strict';
import type { OpenAPIObject } from '@nestjs/swagger';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import type { Response } from 'supertest';

type Json = Record<string, unknown>;

/**
 * A function that fails when an answer is not what the document says of its path, method, status and media type, unknown
 * members included. Paths that the document does not have must answer a problem.
 */
export function responseCheck(
  document: OpenAPIObject,
): (method: string, path: string, response: Response) => void {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  (formats as unknown as (target: Ajv2020) => void)(ajv);
  ajv.addSchema(closed(document) as Json, 'openapi');
  const compiled = new Map<string, ValidateFunction>();
  const validatorAt = (pointer: string): ValidateFunction => {
    const known = compiled.get(pointer) ?? ajv.compile({ $ref: `openapi#${pointer}` });
    compiled.set(pointer, known);
    return known;
  };
  const templates = Object.keys(document.paths).map((template) => ({
    template,
    pattern: new RegExp(
      `^${template.replaceAll(/[.+?^$()|[\]\\]/g, '\\$&').replaceAll(/\{[^}]+\}/g, '[^/]+')}$`,
    ),
  }));
  // A literal path wins over one with parameters, as in the router.
  templates.sort((a, b) => Number(a.template.includes('{')) - Number(b.template.includes('{')));

  return (method, path, response) => {
    const pathname = path.replace(/[?#].*$/s, '');
    const template = templates.find(({ pattern }) => pattern.test(pathname))?.template;
    const operation = template === undefined ? undefined : (document.paths[template] as Json)[method];
    const label = `${method.toUpperCase()} ${pathname} → ${response.status}`;
    const media = (response.headers['content-type'] ?? '').split(';', 1)[0]?.trim() ?? '';
    if (operation === undefined || template === undefined) {
      if (method === 'head' || method === 'options') return;
      assert.ok(response.status >= 400, `${label}: the document does not have this operation`);
      assert.equal(media, 'application/problem+json', `${label}: an undocumented path must answer a problem`);
      check(validatorAt('/components/schemas/ProblemDto'), bodyOf(response), label);
      return;
    }
    const base = ['', 'paths', template, method, 'responses'].map(escape).join('/');
    const { status, answer } = documented(operation as Json, response.status, label);
    const [pointer, resolved] = resolve(document, `${base}/${status}`, answer);
    const content = resolved['content'] as Json | undefined;
    if (content === undefined) {
      assert.ok(
        response.text === undefined || response.text === '',
        `${label}: the document says there is no body`,
      );
      return;
    }
    const alternatives =
      content[media] === undefined && status !== '4XX'
        ? wildcard(operation as Json, response.status)
        : undefined;
    if (alternatives && media === 'application/problem+json') {
      check(validatorAt('/components/schemas/ProblemDto'), bodyOf(response), label);
      return;
    }
    assert.ok(
      content[media],
      `${label}: the document has ${Object.keys(content).join(', ')}, not ${media || 'nothing'}`,
    );
    if (!media.endsWith('json')) return;
    check(validatorAt(`${pointer}/content/${escape(media)}/schema`), bodyOf(response), label);
  };
}

function wildcard(operation: Json, status: number): unknown {
  return (operation['responses'] as Json)[`${Math.floor(status / 100)}XX`];
}

function documented(operation: Json, status: number, label: string): { status: string; answer: Json } {
  const responses = operation['responses'] as Json;
  for (const key of [String(status), `${Math.floor(status / 100)}XX`, 'default']) {
    if (responses[key] !== undefined) return { status: key, answer: responses[key] as Json };
  }
  return assert.fail(`${label}: the document has ${Object.keys(responses).join(', ')}`);
}

function resolve(document: OpenAPIObject, pointer: string, value: Json): [string, Json] {
  const reference = value['$ref'];
  if (typeof reference !== 'string') return [pointer, value];
  const target = reference.slice(1);
  let found: unknown = document;
  for (const token of target.split('/').slice(1)) found = (found as Json)[token];
  return [target, found as Json];
}

function bodyOf(response: Response): unknown {
  return JSON.parse(response.text) as unknown;
}

function check(validate: ValidateFunction, body: unknown, label: string): void {
  if (validate(body)) return;
  const errors = (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
  );
  assert.fail(
    `${label} is not what the document says:\n${errors.join('\n')}\n${JSON.stringify(body).slice(0, 2000)}`,
  );
}

function escape(token: string): string {
  return encodeURIComponent(token.replaceAll('~', '~0').replaceAll('/', '~1'));
}

/** A copy in which objects have no other members than the documented ones, so that an undocumented member is found. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== 'object' || value === null) return value;
  const copy = Object.fromEntries(Object.entries(value).map(([name, member]) => [name, closed(member)]));
  const isObjectSchema = copy['type'] === 'object' && typeof copy['properties'] === 'object';
  if (isObjectSchema && copy['additionalProperties'] === undefined) copy['additionalProperties'] = false;
  return copy;
}
