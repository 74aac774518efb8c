/** Deeper documents are refused: walking them needs stack, and nothing legitimate is nearly so deep. */
const MAX_DEPTH = 200;

/** What `parseJson` refuses; the message names the place and never the value. */
export class JsonError extends Error {}

/**
 * JSON of a peer into a value, strictly: valid UTF-8, bounded depth.
 * @throws JsonError
 */
export function parseJson(bytes: Uint8Array): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new JsonError('The body is not valid UTF-8.');
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, which may hold secrets.
    throw new JsonError('The body is not valid JSON.');
  }
  visit(value, () => undefined);
  return value;
}

/**
 * Calls back for every value below (and including) `root` with its RFC 6901 pointer.
 * @throws JsonError when it is nested too deeply
 */
export function visit(root: unknown, callback: (value: unknown, pointer: () => string) => void): void {
  const path: string[] = [];
  const pointer = () => path.map((part) => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
  const walk = (value: unknown): void => {
    if (path.length > MAX_DEPTH)
      throw new JsonError(`The JSON is nested more than ${MAX_DEPTH} levels deep.`);
    callback(value, pointer);
    if (typeof value !== 'object' || value === null) return;
    for (const [key, child] of Object.entries(value)) {
      path.push(key);
      walk(child);
      path.pop();
    }
  };
  walk(root);
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
