import { invalid } from '../../errors.js';
import type { StoredObject, Write } from '../object-store.js';
import type { WireWrite } from './protocol.js';
import { toObject, type ObjectRow } from './rows.js';

const LONE_SURROGATE = /[\ud800-\udfff]/u;

/** Whether a database gives the text back as it was: SQLite ends it at NUL, UTF-8 has no half characters. */
export function isStorable(text: string): boolean {
  return text !== '' && !text.includes('\0') && !LONE_SURROGATE.test(text);
}

/** @throws DomainError `invalid` for a kind or id that no database keeps as it is; TypeError for a document that is no JSON. */
export function toWire(write: Write): WireWrite {
  const { kind, id } = write;
  for (const [name, text] of [
    ['kind', kind],
    ['id', id],
  ] as const) {
    if (!isStorable(text)) {
      const detail = `The ${name} ${JSON.stringify(text)} is empty or holds NUL or half a character. Use another one.`;
      throw invalid(detail, [{ parameter: name, code: 'text', detail }]);
    }
  }
  if (write.op === 'delete') return { op: 'delete', kind, id, expected: write.expected };
  const document = JSON.stringify(write.document) as string | undefined;
  if (document === undefined) throw new TypeError(`The document of ${kind} "${id}" is no JSON value.`);
  return {
    op: 'put',
    kind,
    id,
    document,
    labels: JSON.stringify(write.labels ?? {}),
    expected: write.expected,
  };
}

/** The answer to `write`: what a read would answer, independent of the caller's own objects. */
export function toAnswer(row: ObjectRow, write: WireWrite | undefined): StoredObject {
  if (write?.op === 'put') row[5] = write.document;
  return toObject(row);
}
