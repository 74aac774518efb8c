import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { resolve } from 'node:path';
import { notFound } from '../errors.js';
import { ComponentCatalogue, type ResolvedComponent, type ResolveOptions } from './component-catalogue.js';
import { type ComponentDefinition, COMPONENTS_DIRECTORY, readDefinitions } from './component-definition.js';
import { ComponentSearch } from './component-search.js';
import { DEFAULT_DEADLINES, type DownloadDeadlines } from './download-deadlines.js';
import { currentPlatform } from './platform.js';
import { SharedWork } from './shared-work.js';

export interface FileComponentCatalogueOptions {
  /** Setting `componentsDir`: where what is downloaded or built is kept. */
  cacheDir: string;
  /** Settings `components.<name>.path` by component: the program itself or the directory that holds it. */
  paths?: Record<string, string | undefined>;
  /** Setting `components.mirror`: replaces the origin (`https://github.com`) of every release address. */
  mirror?: string | undefined;
  /** `PATH` is searched, proxies are respected, and Go gets all of it. Default: this process's. */
  env?: NodeJS.ProcessEnv;
  /** Default: `components/` of this package. */
  definitionsDir?: string;
  deadlines?: Partial<DownloadDeadlines>;
}

/** The catalogue that reads `components/<name>/component.json`. Definitions are read, and must be right, when it is made. */
export class FileComponentCatalogue extends ComponentCatalogue {
  private readonly definitions: Map<string, ComponentDefinition>;
  private readonly running = new Map<string, SharedWork<ResolvedComponent>>();
  private readonly found = new Map<string, ResolvedComponent>();

  constructor(private readonly options: FileComponentCatalogueOptions) {
    super();
    this.definitions = readDefinitions(options.definitionsDir ?? COMPONENTS_DIRECTORY);
  }

  override names(): string[] {
    return [...this.definitions.keys()].toSorted();
  }

  override resolved(): ResolvedComponent[] {
    return [...this.found.values()];
  }

  override async resolve(name: string, options: ResolveOptions = {}): Promise<ResolvedComponent> {
    options.signal?.throwIfAborted();
    const known = this.found.get(name);
    if (known && (await isStillThere(known))) return known;
    const definition = this.definitions.get(name);
    if (!definition) throw notFound('component', name);
    let work = this.running.get(name);
    if (!work || work.abandoned) {
      work = this.search(definition);
      this.running.set(name, work);
    }
    const component = await work.join(options);
    this.found.set(name, component);
    return component;
  }

  private search(definition: ComponentDefinition): SharedWork<ResolvedComponent> {
    const { cacheDir, paths, mirror, env, deadlines } = this.options;
    const settings = {
      // Absolute: Go runs in the directory of the definition.
      cacheDir: resolve(cacheDir),
      explicitPath: paths?.[definition.name],
      mirror,
      env: env ?? process.env,
      platform: currentPlatform(),
      deadlines: { ...DEFAULT_DEADLINES, ...deadlines },
    };
    return new SharedWork((signal, report) =>
      new ComponentSearch(definition, settings, report, signal).run(),
    );
  }
}

/** A remembered answer is no use once somebody emptied the cache or uninstalled the program. */
async function isStillThere(component: ResolvedComponent): Promise<boolean> {
  const checks = Object.values(component.binaries).map((path) => access(path, constants.X_OK));
  return (await Promise.allSettled(checks)).every(({ status }) => status === 'fulfilled');
}
