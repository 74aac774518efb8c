/** Where a program came from; `api.md` `GET /info`. */
export type ComponentOrigin = 'configured' | 'path' | 'cache' | 'download' | 'build';

export interface ResolvedComponent {
  name: string;
  version: string;
  origin: ComponentOrigin;
  /** Absolute path of each binary by its name, e.g. `alertmanager` and `amtool`. */
  binaries: Record<string, string>;
}

/** One step of finding a program, for operations and the terminal. `fraction` in 0-1 where it is known. */
export interface ComponentProgress {
  step: 'search' | 'download' | 'verify' | 'build' | 'wait';
  message: string;
  fraction?: number;
}

export interface ResolveOptions {
  signal?: AbortSignal;
  onProgress?: (progress: ComponentProgress) => void;
}

/**
 * Finds the programs we run but do not write: explicit path, `PATH` (version in range), cache, upstream release, Go build.
 * Resolved when first needed; the answer is remembered.
 */
export abstract class ComponentCatalogue {
  /** Names that can be resolved: one folder each under `components/`. */
  abstract names(): string[];
  /** @throws DomainError `component-unavailable` (unavailable) listing what was tried and the ways out */
  abstract resolve(name: string, options?: ResolveOptions): Promise<ResolvedComponent>;
  /** What has been resolved so far in this process. */
  abstract resolved(): ResolvedComponent[];
}
