import { DomainError, invalid, type FieldError } from '../errors.js';
import { checkPreconditions, type WritePreconditions } from '../http/preconditions.js';
import { redactSecrets, sealSecrets } from '../secrets/secret-fields.js';
import type { Sealer } from '../secrets/sealer.js';
import type { HistoryOptions, ObjectStore, StoredObject, Write } from '../store/object-store.js';
import { commit } from './commit.js';
import type {
  ChangeRequest,
  ConfigurationChange,
  ConfigurationKind,
  ConfigurationTarget,
  ConfigurationView,
  PreparedChange,
} from './configuration-kind.js';
import { fillDefaults, patchDocument } from './defaulting.js';
import {
  clearDocument,
  redactPair,
  resolveSecrets,
  secretRules,
  type SecretRules,
} from './document-secrets.js';
import { diffDocuments, type DiffOperation } from './json-diff.js';
import { resetDocument } from './reset.js';

/** How a document lies in the store. `null` in the default's place: the built-in one holds again. */
interface Stored<T> {
  document: T | null;
}

/** A document as it stands now, sealed. */
interface Current<T> {
  revision: number;
  object: StoredObject<Stored<T>> | undefined;
  sealed: T;
}

/** Of each document, the newest included. */
const KEPT_REVISIONS = 100;

/**
 * One configuration with its default, its revisions and its secrets, in the object store. It decides what a document becomes
 * and whether that holds; what a new document sets in motion is for its owner.
 */
export class ConfigurationDocuments<T extends object> {
  readonly #secrets: SecretRules;

  constructor(
    private readonly store: ObjectStore,
    private readonly sealer: Sealer,
    readonly kind: ConfigurationKind<T>,
  ) {
    this.#secrets = secretRules(kind.secrets ?? []);
  }

  /** What a client reads. Before the first write, `active` is the default with revision 0. */
  async read(target: ConfigurationTarget): Promise<ConfigurationView<T>> {
    return this.#view(await this.#current(target));
  }

  /** What shall run, with secrets in clear; never for an answer or a log. */
  async effective(): Promise<{ revision: number; document: T }> {
    const { revision, sealed } = await this.#current('active');
    return { revision, document: this.#clear(sealed) };
  }

  /**
   * What a change would make of the document now. Nothing is stored.
   *
   * @throws DomainError `revision-mismatch`; `invalid`, `secret-missing`, `secret-required` with a pointer for every finding;
   *   `not-found` for a rollback to a revision that is not kept
   */
  async prepare({ target, change, preconditions }: ChangeRequest): Promise<PreparedChange<T>> {
    const current = await this.#current(target);
    checkPreconditions(preconditions ?? {}, current.revision);
    const defaults = target === 'active' ? (await this.#current('default')).sealed : this.kind.builtIn;
    const { next, sources } = await this.#candidate(change, current.sealed, defaults);
    const sealed = this.#hold(next, current.sealed, sources);
    const before = this.#clear(current.sealed);
    const after = this.#clear(sealed);
    return {
      before,
      after,
      document: this.#redact(sealed),
      diff: this.#diff(before, after),
      revision: current.revision,
      write: this.#put(target, sealed, current),
    };
  }

  /**
   * Makes a change. Without preconditions the last writer wins: a lost race is run again over what the winner wrote.
   *
   * @param alongside further writes of the same transaction; asked again after a lost race
   * @throws DomainError as `prepare`
   */
  async change(
    request: ChangeRequest,
    alongside: (prepared: PreparedChange<T>) => Promise<Write[]> = () => Promise.resolve([]),
  ): Promise<ConfigurationView<T>> {
    const [written] = await commit(this.store, request.author, async () => {
      const prepared = await this.prepare(request);
      return [prepared.write, ...(await alongside(prepared))];
    });
    return this.#view(stored(written as StoredObject<Stored<T>>));
  }

  /** Brings the built-in default back. @throws DomainError `not-found` when it holds already; `revision-mismatch` */
  async restoreBuiltIn(
    request: { preconditions?: WritePreconditions; author: string },
    alongside: () => Promise<Write[]> = () => Promise.resolve([]),
  ): Promise<void> {
    await commit(this.store, request.author, async () => {
      const current = await this.#current('default');
      checkPreconditions(request.preconditions ?? {}, current.revision);
      if (!current.object?.document.document) throw noStoredDefault();
      // Not deleted: its revisions go on counting, so that no entity tag ever names two documents.
      const write = this.#put('default', null, current);
      return [write, ...(await alongside())];
    });
  }

  /** Newest first, redacted; the last 100 are kept. */
  async revisions(options: HistoryOptions): Promise<{ items: ConfigurationView<T>[]; next: string | null }> {
    const { items, next } = await this.store.history<Stored<T>>(this.kind.kind, 'active', options);
    return { items: items.map((item) => this.#view(stored(item))), next };
  }

  /** Redacted. @throws DomainError `not-found` */
  async revision(revision: number): Promise<ConfigurationView<T>> {
    return this.#view(await this.#revision(revision));
  }

  /** What makes revision `to` of revision `from`; a secret that differs is replaced by `***`. @throws DomainError `not-found` */
  async diff(from: number, to: number): Promise<DiffOperation[]> {
    const [before, after] = await Promise.all([this.#revision(from), this.#revision(to)]);
    return this.#diff(this.#clear(before.sealed), this.#clear(after.sealed));
  }

  async #revision(revision: number): Promise<Current<T>> {
    const found = await this.store.revision<Stored<T>>(this.kind.kind, 'active', revision);
    if (found) return stored(found);
    throw new DomainError({
      category: 'not-found',
      code: 'not-found',
      detail: `There is no revision ${revision}. The last ${KEPT_REVISIONS} are kept; list them to see which.`,
    });
  }

  async #current(target: ConfigurationTarget): Promise<Current<T>> {
    const object = await this.store.get<Stored<T>>(this.kind.kind, target);
    const revision = object?.revision ?? 0;
    if (object?.document.document) return { revision, object, sealed: object.document.document };
    const sealed = target === 'active' ? (await this.#current('default')).sealed : this.kind.builtIn;
    return { revision, object, sealed };
  }

  async #candidate(
    change: ConfigurationChange,
    current: T,
    defaults: T,
  ): Promise<{ next: unknown; sources: unknown[] }> {
    const sources = [current, defaults];
    switch (change.op) {
      case 'put':
        return { next: fillDefaults(change.document, defaults), sources };
      case 'patch':
        return { next: patchDocument(current, change.patch, defaults), sources };
      case 'reset':
        return { next: resetDocument(current, defaults, change), sources };
      case 'rollback': {
        const { sealed: next } = await this.#revision(change.revision);
        return { next, sources: [next] };
      }
    }
  }

  #put(target: ConfigurationTarget, document: T | null, { object }: Current<T>): Write {
    return {
      op: 'put',
      kind: this.kind.kind,
      id: target,
      document: { document } satisfies Stored<T>,
      expected: object?.revision ?? 'absent',
      history: KEPT_REVISIONS,
    };
  }

  #view({ revision, object, sealed }: Current<T>): ConfigurationView<T> {
    const written = object?.document.document ? object : undefined;
    return {
      revision,
      updatedAt: written?.updatedAt ?? null,
      author: written?.author ?? null,
      document: this.#redact(sealed),
    };
  }

  #redact(sealed: T): T {
    return redactSecrets(sealed, this.#secrets.patterns);
  }

  #clear(sealed: T): T {
    return clearDocument(sealed, this.#secrets, this.sealer, this.kind.kind) as T;
  }

  #diff(before: T, after: T): DiffOperation[] {
    const [from, to] = redactPair(before, after, this.#secrets);
    return diffDocuments(from as object, to as object);
  }

  /** The candidate with its secrets sealed. @throws DomainError with every finding */
  #hold(next: unknown, current: T, sources: unknown[]): T {
    const { document, errors } = resolveSecrets({ next, stored: current, sources }, this.#secrets);
    const reported = new Set(errors.map(({ pointer }) => pointer));
    const found = this.kind
      .check(clearDocument(document, this.#secrets, this.sealer, this.kind.kind))
      .filter(({ pointer }) => !reported.has(pointer));
    refuse([...errors, ...found]);
    return sealSecrets(document, {
      patterns: this.#secrets.patterns,
      sealer: this.sealer,
      context: this.kind.kind,
    }) as T;
  }
}

function refuse(errors: FieldError[]): void {
  const [first] = errors;
  if (first === undefined) return;
  if (!errors.every(({ code }) => code === first.code && code.startsWith('secret-'))) {
    throw invalid('The configuration is not valid. Correct the fields named in errors.', errors);
  }
  const detail = `A secret has to be sent: ${first.pointer ?? ''}. ${first.detail}`;
  throw new DomainError({ category: 'invalid', code: first.code, detail, errors });
}

function stored<T>(object: StoredObject<Stored<T>>): Current<T> {
  return { revision: object.revision, object, sealed: object.document.document as T };
}

function noStoredDefault(): DomainError {
  return new DomainError({
    category: 'not-found',
    code: 'not-found',
    detail: 'The default document is the built-in one already.',
  });
}
