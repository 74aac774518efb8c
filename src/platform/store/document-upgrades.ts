import { DomainError } from '../errors.js';

/**
 * Makes a document of version `from + 1` of one of version `from`. The first version of every kind is 1; each change of
 * its form that older readers or documents could not stand adds one. `upgrade` is pure: it is called for each read,
 * for current objects, history and changes alike, and what it gives is stored with the next put of the object only.
 */
export interface DocumentUpgrade {
  kind: string;
  from: number;
  upgrade(document: unknown): unknown;
}

/** All upgrades of a program. */
export class DocumentUpgrades {
  /** The newest version of each kind that has upgrades. */
  readonly versions: Readonly<Record<string, number>>;
  readonly #chains = new Map<string, DocumentUpgrade[]>();

  /** @throws Error when the upgrades of a kind are not those from 1, 2, 3 … */
  constructor(upgrades: readonly DocumentUpgrade[]) {
    for (const upgrade of upgrades) {
      const chain = this.#chains.get(upgrade.kind) ?? [];
      this.#chains.set(
        upgrade.kind,
        [...chain, upgrade].toSorted((a, b) => a.from - b.from),
      );
    }
    for (const [kind, chain] of this.#chains) {
      if (chain.some(({ from }, index) => from !== index + 1)) {
        throw new Error(
          `The upgrades of "${kind}" documents have to start at 1 and leave out and repeat none.`,
        );
      }
    }
    this.versions = Object.fromEntries([...this.#chains.keys()].map((kind) => [kind, this.newest(kind)]));
  }

  newest(kind: string): number {
    return (this.#chains.get(kind)?.length ?? 0) + 1;
  }

  /** @throws DomainError `document-newer` */
  upgrade(kind: string, version: number, document: unknown): unknown {
    const newest = this.newest(kind);
    if (version === newest) return document;
    if (version > newest) {
      throw new DomainError({
        category: 'unavailable',
        code: 'document-newer',
        detail: `A document of the kind "${kind}" has version ${version}, and this release reads up to version ${newest}. Run the release that wrote it, or a newer one.`,
      });
    }
    const chain = this.#chains.get(kind) ?? [];
    return chain.slice(version - 1).reduce((current, step) => step.upgrade(current), document);
  }
}
