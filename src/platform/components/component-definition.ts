import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DomainError, messageOf } from '../errors.js';
import { isRange, parseVersion } from './version-range.js';

/** One program of a component: its file name, and the Go package that it is built from. */
export interface BinaryDefinition {
  name: string;
  package: string;
}

/** `components/<name>/component.json`: which version we run, and how to find, check, download and build it. */
export interface ComponentDefinition {
  name: string;
  /** The version that is downloaded or built. */
  version: string;
  /** Versions that may come from a path or `PATH`, e.g. `>=0.30.0 <0.32.0`. */
  supported: string;
  /** The first one is the component itself; an explicit path may name it. */
  binaries: [BinaryDefinition, ...BinaryDefinition[]];
  /** How a binary tells its version: `pattern` has one group and is matched against each line of its output. */
  probe: { arguments: string[]; pattern: RegExp };
  /** Where upstream publishes archives; a mirror replaces `origin`. `{version}`, `{os}` and `{arch}` are filled in. */
  release: { origin: string; path: string; asset: string; sums: string };
  build: { tags: string[]; ldflags: string };
  /** Of the definition: holds `go.mod` and `go.sum`. */
  directory: string;
}

/** `components/` of this package: found beside `src/` and beside `dist/` alike. */
export const COMPONENTS_DIRECTORY: string = fileURLToPath(new URL('../../../components', import.meta.url));

/**
 * Reads every `component.json` one level below a directory.
 * @throws DomainError `component-definition-invalid` (internal) naming the file and the member
 */
export function readDefinitions(directory: string): Map<string, ComponentDefinition> {
  const definitions = new Map<string, ComponentDefinition>();
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const definition = readDefinition(join(directory, entry.name));
    if (definition.name !== entry.name) {
      throw wrong(
        join(directory, entry.name, 'component.json'),
        `"name" must be "${entry.name}", as its folder`,
      );
    }
    definitions.set(definition.name, definition);
  }
  return definitions;
}

function readDefinition(directory: string): ComponentDefinition {
  const file = join(directory, 'component.json');
  try {
    return parseDefinition(JSON.parse(readFileSync(file, 'utf8')), directory);
  } catch (error) {
    throw wrong(file, messageOf(error), error);
  }
}

/**
 * Checks the content of a `component.json`.
 * @throws Error that names the wrong member
 */
export function parseDefinition(content: unknown, directory: string): ComponentDefinition {
  const root = new Member(content, 'the file');
  const probe = root.get('probe');
  const release = root.get('release');
  const build = root.get('build');
  const [first, ...others] = root.get('binaries').list((binary) => ({
    name: binary.get('name').matching(FILE_NAME, 'a file name'),
    package: binary.get('package').matching(/^[\w./-]+$/, 'a Go package'),
  }));
  if (!first) throw new Error('"binaries" must have at least one entry');
  return {
    name: root.get('name').matching(/^[a-z][a-z0-9-]*$/, 'a lower-case name'),
    version: root
      .get('version')
      .satisfying((text) => parseVersion(text) !== undefined, 'a version like 1.2.3'),
    supported: root.get('supported').satisfying(isRange, 'a range like ">=1.2.0 <2.0.0"'),
    binaries: [first, ...others],
    probe: {
      arguments: probe.get('arguments').list((argument) => argument.text()),
      pattern: new RegExp(probe.get('pattern').text(), 'm'),
    },
    release: {
      origin: release.get('origin').matching(/^https?:\/\/[^\s/]+(\/\S*)?$/, 'an http(s) URL'),
      path: release.get('path').text(),
      asset: release.get('asset').matching(/\.tar\.gz$/, 'the name of a .tar.gz archive'),
      sums: release.get('sums').text(),
    },
    build: {
      tags: build.get('tags').list((tag) => tag.text()),
      ldflags: build.get('ldflags').text(),
    },
    directory,
  };
}

const FILE_NAME = /^[A-Za-z0-9][\w.-]*$/;

/** A value with its place in the file, so that what is wrong can be named. */
class Member {
  constructor(
    private readonly value: unknown,
    private readonly path: string,
  ) {}

  get(name: string): Member {
    if (typeof this.value !== 'object' || this.value === null || Array.isArray(this.value)) {
      throw new Error(`${this.path} must be an object`);
    }
    const value: unknown = Object.hasOwn(this.value, name)
      ? (this.value as Record<string, unknown>)[name]
      : undefined;
    return new Member(value, this.path === 'the file' ? `"${name}"` : `${this.path.slice(0, -1)}.${name}"`);
  }

  list<T>(read: (member: Member) => T): T[] {
    if (!Array.isArray(this.value)) throw new Error(`${this.path} must be a list`);
    return this.value.map((value, index) => read(new Member(value, `${this.path.slice(0, -1)}[${index}]"`)));
  }

  text(): string {
    return this.satisfying((text) => text !== '', 'a text that is not empty');
  }

  matching(pattern: RegExp, what: string): string {
    return this.satisfying((text) => pattern.test(text), what);
  }

  satisfying(check: (text: string) => boolean, what: string): string {
    if (typeof this.value !== 'string' || !check(this.value)) throw new Error(`${this.path} must be ${what}`);
    return this.value;
  }
}

function wrong(file: string, reason: string, cause?: unknown): DomainError {
  return new DomainError({
    category: 'internal',
    code: 'component-definition-invalid',
    detail: `Cannot use ${file}: ${reason}. Correct the file, or install this package again.`,
    cause,
  });
}
