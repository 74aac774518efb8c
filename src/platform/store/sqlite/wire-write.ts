import { invalid } from '../../errors.js';
import type { DocumentUpgrades } from '../document-upgrades.js';
import type { StoredObject, Write } from '../object-store.js';
import type { WireWrite } from './protocol.js';
import { toObject, type ObjectRow } from './rows.js';

const LONE_SURROGATE = /[\ud800-\udfff]/u;

/** Whether a database gives the text back as it was: SQLite ends it at NUL, UTF-8 has no half characters. */
export function isStorable(text: string): boolean {
  return text !== '' && !text.includes('\0') && !LONE_SURROGATE.test(text);
}

/**
 * @throws DomainError `invalid` for a kind or id that no database keeps as it is, and for a history of less than one
 * revision; TypeError for a document that is no JSON
 */
export function toWire(write: Write, upgrades: DocumentUpgrades): WireWrite {
  const { kind, id } = write;
  assertStorable('kind', kind);
  assertStorable('id', id);
  if (write.op === 'delete') return { op: 'delete', kind, id, expected: write.expected };
  const { expected, history } = write;
  if (history !== undefined && !(Number.isInteger(history) && history >= 1)) {
    const detail = `The history of ${kind} "${id}" is a whole number from 1.`;
    throw invalid(detail, [{ parameter: 'history', code: 'range', detail }]);
  }
  const document = JSON.stringify(write.document) as string | undefined;
  if (document === undefined) throw new TypeError(`The document of ${kind} "${id}" is no JSON value.`);
  return {
    op: 'put',
    kind,
    id,
    document,
    labels: JSON.stringify(write.labels ?? {}),
    schemaVersion: upgrades.newest(kind),
    expected,
    history,
  };
}

/** @throws DomainError `invalid` */
export function assertStorable(name: string, text: string): void {
  if (isStorable(text)) return;
  const detail = `The ${name} ${JSON.stringify(text)} is empty or holds NUL or half a character. Use another one.`;
  throw invalid(detail, [{ parameter: name, code: 'text', detail }]);
}

/** The answer to `write`: what a read would answer, independent of the caller's own objects. */
export function toAnswer(
  row: ObjectRow,
  write: WireWrite | undefined,
  upgrades: DocumentUpgrades,
): StoredObject {
  if (write?.op === 'put') row[5] = write.document;
  return toObject(row, upgrades);
}
