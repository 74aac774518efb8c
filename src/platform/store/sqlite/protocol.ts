import { DomainError, type DomainErrorOptions } from '../../errors.js';
import type { ObjectRow } from './rows.js';

/** What the main thread and the writer thread say to each other. Documents and labels travel as JSON text. */
export type WireWrite =
  | {
      op: 'put';
      kind: string;
      id: string;
      document: string;
      labels: string;
      /** Of the document. */
      schemaVersion: number;
      expected: number | 'absent' | undefined;
      history: number | undefined;
    }
  | { op: 'delete'; kind: string; id: string; expected: number | undefined };

export interface TransactRequest {
  type: 'transact';
  id: number;
  /** RFC 3339; becomes `updatedAt`. */
  at: string;
  author: string | null;
  writes: WireWrite[];
}

export type WriterRequest = TransactRequest | { type: 'check'; id: number } | { type: 'close'; id: number };

/** The document of a put is not sent back: the row carries '' and the main thread has it already. */
export type WriterAnswer = { id: number; rows: ObjectRow[] } | { id: number; error: WireError };

export type WriterMessage =
  | { type: 'ready'; head: number }
  | { type: 'refused'; error: WireError }
  | { type: 'warning'; text: string }
  /** `head`: the newest committed sequence; `kinds`: of which kinds the commit changed something. */
  | { type: 'answers'; head: number; kinds: string[]; answers: WriterAnswer[] };

export interface WriterOptions {
  file: string;
  expectExisting: boolean;
  /** How many changes the log keeps at least. */
  keepChanges: number;
  /** The newest version of the documents of each kind; 1 for a kind that is not there. */
  documentVersions: Readonly<Record<string, number>>;
}

export type WireError = Pick<DomainErrorOptions, 'category' | 'code' | 'detail' | 'errors' | 'extensions'> & {
  cause: string | undefined;
};

export function toWireError(error: DomainError): WireError {
  const { category, code, message: detail, errors, extensions, cause } = error;
  return {
    category,
    code,
    detail,
    errors,
    extensions,
    cause: cause instanceof Error ? cause.message : undefined,
  };
}

export function fromWireError({ cause, ...options }: WireError): DomainError {
  return new DomainError({ ...options, cause: cause === undefined ? undefined : new Error(cause) });
}
