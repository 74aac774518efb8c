import { messageOf } from '../errors.js';
import { ComponentCache } from './component-cache.js';
import type { ComponentOrigin, ComponentProgress, ResolvedComponent } from './component-catalogue.js';
import type { ComponentDefinition } from './component-definition.js';
import { withDirectoryLock } from './component-lock.js';
import { type Attempt, componentUnavailable, SOURCE_LABELS } from './component-unavailable.js';
import { buildWithGo } from './go-build.js';
import type { DownloadDeadlines } from './download-deadlines.js';
import { binariesAt, candidatesOnPath } from './path-search.js';
import type { Platform } from './platform.js';
import { inRange } from './version-range.js';
import { probeVersions } from './version-probe.js';

const WAIT_REPORT_MS = 3_000;

export interface SearchSettings {
  cacheDir: string;
  /** From outside: the program or its directory. */
  explicitPath: string | undefined;
  mirror: string | undefined;
  env: NodeJS.ProcessEnv;
  platform: Platform;
  deadlines: DownloadDeadlines;
}

/** One search for one component: explicit path, `PATH`, cache, upstream release, Go build; the first that works. */
export class ComponentSearch {
  private readonly tried: Attempt[] = [];
  private readonly cache: ComponentCache;

  constructor(
    private readonly definition: ComponentDefinition,
    private readonly settings: SearchSettings,
    private readonly report: (progress: ComponentProgress) => void,
    private readonly signal: AbortSignal,
  ) {
    this.cache = new ComponentCache(settings.cacheDir, definition, settings.platform);
  }

  /** @throws DomainError `component-unavailable`, or the signal's reason */
  async run(): Promise<ResolvedComponent> {
    const { explicitPath } = this.settings;
    const found =
      explicitPath === undefined
        ? ((await this.onPath()) ?? (await this.inCache()) ?? (await this.provide()))
        : await this.atExplicitPath(explicitPath);
    this.signal.throwIfAborted();
    if (!found) throw componentUnavailable(this.definition, this.tried);
    return found;
  }

  private async atExplicitPath(path: string): Promise<ResolvedComponent | undefined> {
    const { definition } = this;
    const found = await binariesAt(definition, path);
    if ('problem' in found) return this.failed('configured', found.problem);
    const probe = await probeVersions(definition, found.binaries, this.signal);
    if ('problem' in probe) return this.failed('configured', probe.problem);
    if (!inRange(probe.version, definition.supported)) {
      return this.failed(
        'configured',
        `${path} is version ${probe.version}, supported is ${definition.supported}`,
      );
    }
    return this.resolved('configured', found.binaries, probe.version);
  }

  private async onPath(): Promise<ResolvedComponent | undefined> {
    const { definition } = this;
    const candidates = await candidatesOnPath(definition, this.settings.env['PATH']);
    if (candidates.length === 0)
      return this.failed('path', `it has no ${definition.binaries[0].name}`, 'quiet');
    for (const { binaries, missing } of candidates) {
      const main = binaries[definition.binaries[0].name] ?? definition.name;
      if (missing.length > 0) {
        this.failed('path', `${main} is there, but ${missing.join(' and ')} is not`);
        continue;
      }
      const probe = await probeVersions(definition, binaries, this.signal);
      if ('problem' in probe) this.failed('path', probe.problem);
      else if (inRange(probe.version, definition.supported))
        return this.resolved('path', binaries, probe.version);
      else this.failed('path', `${main} is version ${probe.version}, supported is ${definition.supported}`);
    }
    return undefined;
  }

  private async inCache(): Promise<ResolvedComponent | undefined> {
    const entry = await this.cache.read();
    if (!entry) return undefined;
    if ('binaries' in entry) return this.resolved('cache', entry.binaries, this.definition.version);
    return this.failed('cache', `${this.cache.entry} is damaged: ${entry.damage}`);
  }

  /** Downloads or builds into the cache, unless somebody else just did. */
  private async provide(): Promise<ResolvedComponent | undefined> {
    const { cache, signal } = this;
    try {
      await cache.prepare();
      return await withDirectoryLock(
        cache.root,
        { signal, onWait: (waited) => this.reportWait(waited), reportEvery: WAIT_REPORT_MS },
        async () => {
          const entry = await cache.read();
          if (entry && 'binaries' in entry) {
            return this.resolved('cache', entry.binaries, this.definition.version);
          }
          await cache.removeLeftovers();
          return (
            (await this.obtain('download', async (staging, common) => {
              // Hardly ever needed, and what it stands on (undici, tar) is slow to load.
              const { downloadRelease } = await import('./release-download.js');
              return downloadRelease(this.definition, staging, common);
            })) ??
            (await this.obtain('build', (staging, common) => buildWithGo(this.definition, staging, common)))
          );
        },
      );
    } catch (error) {
      signal.throwIfAborted();
      return this.failed(
        'cache',
        `${cache.root} cannot be used (${messageOf(error)}); componentsDir (OPNI_COMPONENTS_DIR) moves it`,
      );
    }
  }

  private reportWait(waited: number): void {
    const { name, version } = this.definition;
    const seconds = Math.round(waited / 1000);
    this.report({
      step: 'wait',
      message: `waiting for another process that installs ${name} ${version} (${seconds} s)`,
    });
  }

  private async obtain(
    origin: 'download' | 'build',
    fill: (staging: string, options: FillOptions) => Promise<string | undefined>,
  ): Promise<ResolvedComponent | undefined> {
    const { definition, settings, signal, report } = this;
    try {
      return await this.cache.withStaging(async (staging) => {
        const problem = await fill(staging, { ...settings, signal, report });
        if (problem !== undefined) return this.failed(origin, problem);
        const binaries = Object.fromEntries(
          definition.binaries.map(({ name }) => [name, `${staging}/${name}`]),
        );
        const probe = await probeVersions(definition, binaries, signal);
        if ('problem' in probe) return this.failed(origin, probe.problem);
        if (probe.version !== definition.version) {
          return this.failed(origin, `it gave version ${probe.version} instead of ${definition.version}`);
        }
        return this.resolved(origin, await this.cache.install(staging, origin), definition.version);
      });
    } catch (error) {
      signal.throwIfAborted();
      // What remains is the file system's: full, read-only, taken away. The next way may still work.
      return this.failed(origin, messageOf(error));
    }
  }

  private failed(source: Attempt['source'], reason: string, how?: 'quiet'): undefined {
    this.tried.push({ source, reason });
    if (how !== 'quiet')
      this.report({
        step: 'search',
        message: `${this.definition.name} from ${SOURCE_LABELS[source]}: ${reason}`,
      });
    return undefined;
  }

  private resolved(
    origin: ComponentOrigin,
    binaries: Record<string, string>,
    version: string,
  ): ResolvedComponent {
    return { name: this.definition.name, version, origin, binaries };
  }
}

type FillOptions = SearchSettings & { signal: AbortSignal; report: (progress: ComponentProgress) => void };
