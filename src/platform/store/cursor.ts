import { DomainError } from '../errors.js';

const VERSION = 1;
const MAX_LENGTH = 8192;

/** The place after which the next page of a list starts. */
export interface CursorPosition {
  kind: string;
  afterId: string;
}

/** An opaque text for clients: URL-safe, and only good for lists of the same kind. */
export function encodeCursor(position: CursorPosition): string {
  return Buffer.from(JSON.stringify([VERSION, position.kind, position.afterId])).toString('base64url');
}

/**
 * The id after which the page starts.
 *
 * @throws DomainError `invalid-cursor` (malformed, parameter `cursor`) for anything that `encodeCursor` did not make for this kind.
 */
export function decodeCursor(cursor: string, kind: string): string {
  const position = read(cursor);
  if (!position || position.kind !== kind || encodeCursor(position) !== cursor) throw invalidCursor();
  return position.afterId;
}

function read(cursor: string): CursorPosition | undefined {
  if (cursor.length > MAX_LENGTH) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
  if (!Array.isArray(value) || value.length !== 3 || value[0] !== VERSION) return undefined;
  const [, kind, afterId] = value as unknown[];
  return typeof kind === 'string' && typeof afterId === 'string' ? { kind, afterId } : undefined;
}

export function invalidCursor(): DomainError {
  const detail =
    'The cursor is not one that this list gave out. Use "next" of the page before as it is, or leave it out to start over.';
  return new DomainError({
    category: 'malformed',
    code: 'invalid-cursor',
    detail,
    errors: [{ parameter: 'cursor', code: 'invalid-cursor', detail }],
  });
}
