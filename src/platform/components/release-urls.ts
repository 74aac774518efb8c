import type { ComponentDefinition } from './component-definition.js';
import { fillTemplate, type Platform } from './platform.js';

export interface ReleaseUrls {
  /** File name of the archive, as the sums file names it. */
  asset: string;
  assetUrl: string;
  sumsUrl: string;
}

/** Addresses of the pinned release; a mirror has the same paths below its own address. */
export function releaseUrls(
  definition: ComponentDefinition,
  platform: Platform,
  mirror?: string,
): ReleaseUrls {
  const { release, version } = definition;
  const fill = (template: string): string =>
    fillTemplate(template, { version, os: platform.os, arch: platform.arch });
  const base = `${(mirror ?? release.origin).replace(/\/+$/, '')}/${fill(release.path)}`;
  const asset = fill(release.asset);
  return { asset, assetUrl: `${base}/${asset}`, sumsUrl: `${base}/${fill(release.sums)}` };
}

/** Without user, password and query, which may hold secrets: for messages. */
export function displayUrl(url: string): string {
  const parsed = new URL(url);
  return `${parsed.origin}${parsed.pathname}`;
}
