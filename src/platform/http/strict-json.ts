import { DomainError } from '../errors.js';
import { pointerOf } from './json-pointer.js';

/** Deeper documents are refused before anything recursive sees them. */
export const MAX_JSON_DEPTH = 64;

/**
 * Names that reach an object's prototype when code copies objects member by member, or (`toString`) that class-transformer
 * drops without a word.
 */
export const FORBIDDEN_NAMES: ReadonlySet<string> = new Set([
  'prototype',
  ...Object.getOwnPropertyNames(Object.prototype),
]);

/** Half of a surrogate pair: JSON can spell it, but it is no character and no UTF-8. */
const HALF_A_PAIR = /\p{Cs}/u;

const decoder = new TextDecoder('utf-8', { fatal: true });

/** @throws DomainError `malformed-body` when the bytes are not UTF-8 */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw malformed('The body is not valid UTF-8. Send UTF-8 without any other encoding.', cause);
  }
}

/**
 * JSON from outside: fatal UTF-8 and whole characters, at most {@link MAX_JSON_DEPTH} levels, no member that could reach a
 * prototype.
 * @throws DomainError (malformed) `malformed-body`, `not-unicode`, `body-too-deep` or `forbidden-member`, with a pointer where
 *   there is one
 */
export function parseStrictJson(bytes: Uint8Array): unknown {
  const text = decodeUtf8(bytes);
  if (text.trim() === '') return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw malformed(`The body is not valid JSON: ${withoutBody(cause)}.`, cause);
  }
  checkShape(value);
  return value;
}

interface Node {
  value: unknown;
  path: readonly (string | number)[];
}

function checkShape(root: unknown): void {
  const open: Node[] = [{ value: root, path: [] }];
  const broken: (readonly (string | number)[])[] = [];
  for (let node = open.pop(); node; node = open.pop()) {
    if (typeof node.value === 'string' && HALF_A_PAIR.test(node.value)) broken.push(node.path);
    if (typeof node.value !== 'object' || node.value === null) continue;
    if (node.path.length >= MAX_JSON_DEPTH) {
      throw new DomainError({
        category: 'malformed',
        code: 'body-too-deep',
        detail: `The body is nested deeper than ${MAX_JSON_DEPTH} levels. Send a flatter document.`,
      });
    }
    for (const [name, value] of Object.entries(node.value)) {
      const path = [...node.path, name];
      if (FORBIDDEN_NAMES.has(name) && !Array.isArray(node.value)) throw forbidden(path, name);
      if (HALF_A_PAIR.test(name)) broken.push(node.path);
      if (typeof value === 'string' && HALF_A_PAIR.test(value)) broken.push(path);
      if (typeof value === 'object' && value !== null) open.push({ value, path });
    }
  }
  if (broken.length > 0) throw notUnicode(broken);
}

function forbidden(path: readonly (string | number)[], name: string): DomainError {
  return new DomainError({
    category: 'malformed',
    code: 'forbidden-member',
    detail: `A member of the body is named "${name}", which is never accepted. Rename or remove it.`,
    errors: [
      { pointer: pointerOf(path), code: 'forbidden-member', detail: 'is a name that is never accepted' },
    ],
  });
}

function notUnicode(paths: readonly (readonly (string | number)[])[]): DomainError {
  const detail = 'holds half of a surrogate pair, which is no character';
  return new DomainError({
    category: 'malformed',
    code: 'not-unicode',
    detail: `A text of the body ${detail}. Send whole characters.`,
    errors: paths.slice(0, 100).map((path) => ({ pointer: pointerOf(path), code: 'not-unicode', detail })),
  });
}

function malformed(detail: string, cause: unknown): DomainError {
  return new DomainError({ category: 'malformed', code: 'malformed-body', detail, cause });
}

/** V8 quotes the body in its message; what a body holds may be secret, so only the place is kept. */
function withoutBody(error: unknown): string {
  const message = error instanceof Error ? error.message : '';
  const place = /at position \d+(?: \(line \d+ column \d+\))?/.exec(message)?.[0];
  return place ? `unexpected text ${place}` : 'it ends too early or holds unexpected text';
}
