import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMPONENTS_DIRECTORY, parseDefinition, readDefinitions } from './component-definition.js';
import { componentUnavailable } from './component-unavailable.js';
import { defaultComponentsDir } from './default-components-dir.js';
import { goArguments } from './go-build.js';
import { displayUrl, releaseUrls } from './release-urls.js';
import { inRange } from './version-range.js';

const alertmanager = readDefinitions(COMPONENTS_DIRECTORY).get('alertmanager');
if (!alertmanager) throw new Error('components/alertmanager is missing');

function content(): Record<string, unknown> {
  return {
    name: 'thing',
    version: '1.2.3',
    supported: '>=1.2.0',
    binaries: [{ name: 'thing', package: 'example.org/thing/cmd/thing' }],
    probe: { arguments: ['--version'], pattern: 'version (\\S+)' },
    release: {
      origin: 'https://example.org',
      path: 'a/v{version}',
      asset: 'thing-{os}-{arch}.tar.gz',
      sums: 'sums',
    },
    build: { tags: [], ldflags: '-s' },
  };
}

describe('component.json', () => {
  it('pins versions that it supports itself', () => {
    for (const definition of readDefinitions(COMPONENTS_DIRECTORY).values()) {
      expect([definition.name, inRange(definition.version, definition.supported)]).toEqual([
        definition.name,
        true,
      ]);
    }
  });

  it('pins the version that go.mod pins', () => {
    for (const { binaries, directory, version } of readDefinitions(COMPONENTS_DIRECTORY).values()) {
      const required = readFileSync(join(directory, 'go.mod'), 'utf8').matchAll(/^\s+(\S+) v(\S+)/gm);
      const versions = [...required].filter(([, module = '']) =>
        binaries[0].package.startsWith(`${module}/`),
      );
      expect(versions.map(([, , found]) => found)).toEqual([version]);
    }
  });

  it('is read', () => {
    expect(parseDefinition(content(), '/definitions/thing')).toMatchObject({
      name: 'thing',
      directory: '/definitions/thing',
    });
  });

  it.each<[string, (json: Record<string, unknown>) => void, RegExp]>([
    ['no version', (json) => delete json['version'], /^"version" must be a version/],
    ['a range of another kind', (json) => (json['supported'] = '^1.0.0'), /^"supported" must be a range/],
    ['no binaries', (json) => (json['binaries'] = []), /^"binaries" must have at least one/],
    [
      'a binary elsewhere',
      (json) => (json['binaries'] = [{ name: '../sh', package: 'a' }]),
      /^"binaries\[0\]\.name" must be/,
    ],
    [
      'a release without sums',
      (json) => delete (json['release'] as { sums?: string }).sums,
      /^"release\.sums" must be/,
    ],
    ['a probe that is null', (json) => (json['probe'] = null), /^"probe" must be an object/],
    [
      'a pattern that is none',
      (json) => (json['probe'] = { arguments: [], pattern: '(' }),
      /regular expression/,
    ],
  ])('with %s is refused, naming the member', (_what, change, expected) => {
    const changed = content();
    change(changed);
    expect(() => parseDefinition(changed, '/definitions/thing')).toThrow(expected);
  });

  it('that is a list is refused', () => {
    expect(() => parseDefinition([], '/definitions/thing')).toThrow('the file must be an object');
  });

  it.each([
    ['alertmanager, version 0.31.1 (branch: , revision: unknown)\n  go version: go1.26', '0.31.1'],
    ['warning: something\namtool, version 0.32.0-rc.0 (branch: HEAD, revision: abc)\n', '0.32.0-rc.0'],
  ])('of alertmanager finds the version in %j', (output, version) => {
    expect(alertmanager.probe.pattern.exec(output)?.[1]).toBe(version);
  });
});

describe('releaseUrls', () => {
  const platform = { os: 'linux', arch: 'arm64' };

  it('are those of the upstream release', () => {
    expect(releaseUrls(alertmanager, platform)).toEqual({
      asset: 'alertmanager-0.31.1.linux-arm64.tar.gz',
      assetUrl:
        'https://github.com/prometheus/alertmanager/releases/download/v0.31.1/alertmanager-0.31.1.linux-arm64.tar.gz',
      sumsUrl: 'https://github.com/prometheus/alertmanager/releases/download/v0.31.1/sha256sums.txt',
    });
  });

  it('have the same paths below a mirror', () => {
    const { sumsUrl } = releaseUrls(alertmanager, platform, 'http://mirror.example/github/');
    expect(sumsUrl).toBe(
      'http://mirror.example/github/prometheus/alertmanager/releases/download/v0.31.1/sha256sums.txt',
    );
  });

  it('are shown without credentials', () => {
    expect(displayUrl('https://user:pass@mirror.example/a/b?token=x')).toBe('https://mirror.example/a/b');
  });
});

describe('goArguments', () => {
  it('build the pinned module and nothing newer, with the version inside', () => {
    expect(goArguments(alertmanager, '/staging')).toEqual([
      'build',
      '-trimpath',
      '-mod=readonly',
      '-buildvcs=false',
      '-tags',
      'netgo',
      '-ldflags',
      '-s -w -X github.com/prometheus/common/version.Version=0.31.1',
      '-o',
      '/staging/',
      'github.com/prometheus/alertmanager/cmd/alertmanager',
      'github.com/prometheus/alertmanager/cmd/amtool',
    ]);
  });
});

describe('componentUnavailable', () => {
  it('lists what was tried and the ways out', () => {
    const tried = [{ source: 'build', reason: 'there is no Go toolchain on PATH' }] as const;
    const error = componentUnavailable(alertmanager, [...tried]);
    expect(error).toMatchObject({ category: 'unavailable', code: 'component-unavailable' });
    expect(error.extensions).toEqual({ component: 'alertmanager', tried });
    expect(error.message).toMatchInlineSnapshot(`
      "alertmanager (alertmanager and amtool, version >=0.30.0 <0.32.0) is needed and cannot be had. Tried:
        - a build with Go: there is no Go toolchain on PATH
      One of these helps:
        1. install alertmanager and amtool (>=0.30.0 <0.32.0) and put them on PATH
        2. set components.alertmanager.path (OPNI_COMPONENTS_ALERTMANAGER_PATH) to the directory that holds them
        3. let 0.31.1 be fetched or built: set components.mirror (OPNI_COMPONENTS_MIRROR) to a mirror of https://github.com that can be reached, or install Go"
    `);
  });
});

describe('defaultComponentsDir', () => {
  it.each([
    [{ HOME: '/home/a' }, '/home/a/.cache/opni/components'],
    [{ HOME: '/home/a', XDG_CACHE_HOME: '/var/cache/a' }, '/var/cache/a/opni/components'],
    [{ HOME: '/home/a', XDG_CACHE_HOME: 'relative' }, '/home/a/.cache/opni/components'],
    [{ HOME: '/home/a', XDG_CACHE_HOME: '' }, '/home/a/.cache/opni/components'],
  ])('of %j is %s', (env, expected) => {
    expect(defaultComponentsDir(env)).toBe(expected);
  });
});
