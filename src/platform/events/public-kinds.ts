import { Injectable } from '@nestjs/common';
import type { StoredObject } from '../store/object-store.js';

/** A kind of the store that the API shows. */
export interface PublicKind {
  /** Singular noun of its path, e.g. `endpoint`; what `?kinds=` takes. */
  name: string;
  /** Of the store. */
  kind: string;
  /** Where its objects are: `<path>/<id>`. */
  path: string;
  /** Exactly what GET of the object answers, secrets redacted. It may be a state of the past or of a deleted object. */
  represent(object: StoredObject): object | Promise<object>;
}

/** What the API shows of the store. Each part adds its own kinds when it starts; a kind that nobody added stays inside. */
@Injectable()
export class PublicKinds {
  readonly #byName = new Map<string, PublicKind>();
  readonly #byKind = new Map<string, PublicKind>();

  add(kind: PublicKind): void {
    if (this.#byName.has(kind.name) || this.#byKind.has(kind.kind)) {
      throw new Error(`There is already a public kind "${kind.name}" or one that shows "${kind.kind}".`);
    }
    this.#byName.set(kind.name, kind);
    this.#byKind.set(kind.kind, kind);
  }

  /** In the order of the alphabet. */
  get names(): string[] {
    return [...this.#byName.keys()].sort();
  }

  named(name: string): PublicKind | undefined {
    return this.#byName.get(name);
  }

  ofStore(kind: string): PublicKind | undefined {
    return this.#byKind.get(kind);
  }
}
