import { DomainError } from '../errors.js';
import type { ComponentDefinition } from './component-definition.js';

/** One thing that was tried to get a component, and why it did not work. */
export interface Attempt {
  source: 'configured' | 'path' | 'cache' | 'download' | 'build';
  reason: string;
}

/** How messages call a source. */
export const SOURCE_LABELS: Record<Attempt['source'], string> = {
  configured: 'the configured path',
  path: 'PATH',
  cache: 'the cache',
  download: 'the upstream release',
  build: 'a build with Go',
};

/** `503 component-unavailable`: everything that was tried, and the ways out. `tried` is also a member of the problem. */
export function componentUnavailable(definition: ComponentDefinition, tried: Attempt[]): DomainError {
  const { name, version, supported, binaries } = definition;
  const files = binaries.map((binary) => binary.name).join(' and ');
  const lines = tried.map(({ source, reason }) => `  - ${SOURCE_LABELS[source]}: ${reason}`);
  return new DomainError({
    category: 'unavailable',
    code: 'component-unavailable',
    detail: [
      `${name} (${files}, version ${supported}) is needed and cannot be had. Tried:`,
      ...lines,
      ...(tried.some(({ source }) => source === 'configured')
        ? [
            `Nothing else was tried, because components.${name}.path (${pathVariable(name)}) is set: correct it or unset it.`,
          ]
        : []),
      'One of these helps:',
      `  1. install ${files} (${supported}) and put them on PATH`,
      `  2. set components.${name}.path (${pathVariable(name)}) to the directory that holds them`,
      `  3. let ${version} be fetched or built: set components.mirror (OPNI_COMPONENTS_MIRROR) to a mirror of ` +
        `${definition.release.origin} that can be reached, or install Go`,
    ].join('\n'),
    extensions: { component: name, tried },
  });
}

function pathVariable(name: string): string {
  return `OPNI_COMPONENTS_${name.toUpperCase().replaceAll('-', '_')}_PATH`;
}
