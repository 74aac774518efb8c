import type { FieldError } from '../errors.js';
import type { WritePreconditions } from '../http/preconditions.js';
import type { Write } from '../store/object-store.js';
import type { SecretGroup } from './document-secrets.js';
import type { DiffOperation } from './json-diff.js';

/** What one use of the engine is: its document, and where it is kept. */
export interface ConfigurationKind<T extends object> {
  /** Of the objects in the store, and what secrets are sealed for, e.g. `alerting-configuration`. */
  kind: string;
  /** The default until somebody writes another one; complete and valid. */
  builtIn: T;
  /** Every finding in a whole document, with secrets in clear and with pointers into it. */
  check: (document: unknown) => FieldError[];
  /** Nothing is secret when left out. */
  secrets?: readonly SecretGroup[];
}

/** `active`: what shall run. `default`: what absent members are filled from. */
export type ConfigurationTarget = 'active' | 'default';

/** What somebody wants to become of a document. */
export type ConfigurationChange =
  | { op: 'put'; document: object }
  | { op: 'patch'; patch: object }
  | { op: 'reset'; keep: readonly string[]; patch: object }
  | { op: 'rollback'; revision: number };

/** A document as a client may read it. */
export interface ConfigurationView<T extends object> {
  /** 0 before the first write. */
  revision: number;
  /** RFC 3339; null before the first write. */
  updatedAt: string | null;
  /** Who wrote it; null before the first write. */
  author: string | null;
  /** Secrets are `***`. */
  document: T;
}

/** A change that holds, ready to be written. A dry run ends here. */
export interface PreparedChange<T extends object> {
  /** With secrets in clear: for planning and rendering only. */
  before: T;
  after: T;
  /** Redacted. */
  document: T;
  diff: DiffOperation[];
  /** The revision that it replaces. */
  revision: number;
  /** Belongs into one transaction with everything that follows from the change; a lost race fails it. */
  write: Write;
}

export interface ChangeRequest {
  target: ConfigurationTarget;
  change: ConfigurationChange;
  preconditions?: WritePreconditions;
  /** Who wants it. */
  author: string;
}
