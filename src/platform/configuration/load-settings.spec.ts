import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigurationError } from './configuration-error.js';
import { loadSettings } from './load-settings.js';
import { settingsOf } from './setting.js';
import { Settings } from './settings.js';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'opni-settings-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

function fromFile(text: string, env: NodeJS.ProcessEnv = {}): Settings {
  const configFile = join(directory, 'opni.yaml');
  writeFileSync(configFile, text);
  return loadSettings({ configFile, env: { HOME: '/home/ada', ...env }, terminal: false });
}

function fromEnv(env: NodeJS.ProcessEnv): Settings {
  return loadSettings({ env: { HOME: '/home/ada', ...env }, terminal: false });
}

function problems(load: () => unknown): string {
  try {
    load();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    return (error as Error).message;
  }
  throw new Error('the configuration was accepted');
}

describe('defaults', () => {
  it('need nothing at all', () => {
    expect(fromEnv({})).toMatchObject({
      driver: 'local',
      listen: '127.0.0.1:8080',
      agentListen: '127.0.0.1:8443',
      dataDir: '/home/ada/.local/share/opni',
      componentsDir: '/home/ada/.cache/opni/components',
      secrets: { keyFile: '/home/ada/.local/share/opni/secrets.key' },
      bootstrap: { install: ['alerting'] },
      auth: { mode: 'none' },
      logLevel: 'info',
      logFormat: 'json',
    });
  });

  it('follow XDG directories when they are absolute', () => {
    const { dataDir, componentsDir } = fromEnv({ XDG_DATA_HOME: '/d', XDG_CACHE_HOME: 'relative' });
    expect([dataDir, componentsDir]).toEqual(['/d/opni', '/home/ada/.cache/opni/components']);
  });

  it('are pretty on a terminal', () => {
    expect(loadSettings({ env: {}, terminal: true }).logFormat).toBe('pretty');
  });
});

describe('precedence', () => {
  it('lets the environment win over the file, value by value', () => {
    const settings = fromFile('listen: 127.0.0.1:1\nlogLevel: warn\n', { OPNI_LISTEN: '127.0.0.1:2' });
    expect([settings.listen, settings.logLevel]).toEqual(['127.0.0.1:2', 'warn']);
  });

  it('reads lists, an empty one too, and booleans', () => {
    const settings = fromEnv({
      OPNI_BOOTSTRAP_INSTALL: '',
      OPNI_CORS_ORIGINS: 'https://a.example, https://b.example',
    });
    expect(settings.bootstrap.install).toEqual([]);
    expect(settings.cors.origins).toEqual(['https://a.example', 'https://b.example']);
    expect(fromFile('tls: {terminatedUpstream: true}').tls.terminatedUpstream).toBe(true);
  });

  it('takes relative paths from where they stand', () => {
    expect(fromFile('dataDir: data').dataDir).toBe(join(directory, 'data'));
    expect(fromEnv({ OPNI_DATA_DIR: 'data' }).dataDir).toBe(join(process.cwd(), 'data'));
    expect(fromEnv({ OPNI_COMPONENTS_ALERTMANAGER_PATH: '/am' }).components.alertmanager.path).toBe('/am');
  });
});

describe('wrong values', () => {
  it('name the setting, the allowed values, file and line', () => {
    const text = problems(() => fromFile('\nauth:\n  mode: foo\n'));
    expect(text).toContain('auth.mode (opni.yaml:3): "foo" is not allowed. Allowed: none, token.');
  });

  it('name the variable', () => {
    expect(problems(() => fromEnv({ OPNI_LOG_LEVEL: 'loud' }))).toContain(
      'logLevel (OPNI_LOG_LEVEL): "loud"',
    );
    expect(problems(() => fromEnv({ OPNI_TLS_TERMINATED_UPSTREAM: 'yes' }))).toContain(
      'must be true or false',
    );
  });

  it('are all reported at once', () => {
    const text = problems(() => fromFile('listen: nowhere\nloglevel: info\n', { OPNI_DRIVER: 'docker' }));
    expect(text).toContain('listen (opni.yaml:1)');
    expect(text).toContain('loglevel (opni.yaml:2): is not a known setting. Did you mean logLevel?');
    expect(text).toContain('driver (OPNI_DRIVER): "docker" is not allowed. Allowed: local.');
  });

  it.each([
    ['lisen: 127.0.0.1:1', 'Did you mean listen?'],
    ['auth: {mod: none}', 'auth.mod (opni.yaml:1): is not a known setting. Did you mean auth.mode?'],
    ['auth: token', 'must be a group of settings'],
    ['listen: {port: 1}', 'must be a value, not a group'],
    ['listen:', 'has no value'],
    ['- a', 'must hold settings'],
    ['a: b: c', 'opni.yaml:1'],
    ['logLevel: info\nlisten: [::1]:18080', 'opni.yaml:2: Unexpected scalar at node end. Quote an address'],
    ['listen: ::1:80 # [::1]:80\na: b: c', 'opni.yaml:2: Nested mappings'],
    ['listen: 127.0.0.1:1\nlisten: 127.0.0.1:2', 'opni.yaml:2'],
    ['listen: 127.0.0.1:99999', 'between 0 and 65535'],
    ['dataDir: [a]', 'dataDir (opni.yaml:1)'],
    ['trustedProxies: [10.0.0.0/99]', '"10.0.0.0/99" is no address or network'],
    ['tls: {cert: /nowhere.pem}', 'needs tls.key'],
    ['tls: {cert: /nowhere.pem, key: /nowhere.key}', 'cannot be read'],
  ])('%j is refused', (text, expected) => {
    expect(problems(() => fromFile(text))).toContain(expected);
  });

  it('never repeat what may be a password', () => {
    expect(problems(() => fromEnv({ OPNI_STORE_URL: '!hunter2' }))).not.toContain('hunter2');
    expect(problems(() => fromEnv({ OPNI_STORE_URL: 'postgres://u:hunter2@h/d' }))).not.toContain('hunter2');
  });

  it('include a file that cannot be read', () => {
    expect(problems(() => loadSettings({ configFile: '/nowhere/opni.yaml', env: {} }))).toContain(
      'cannot be read',
    );
  });
});

describe('variables', () => {
  it('that name no setting are refused with the nearest one', () => {
    expect(problems(() => fromEnv({ OPNI_LISTN: 'x' }))).toContain(
      'OPNI_LISTN: is not a known setting. Did you mean OPNI_LISTEN?',
    );
  });

  it('of Kubernetes service links and of other roles are left alone', () => {
    expect(() =>
      fromEnv({
        OPNI_SERVICE_HOST: '10.0.0.1',
        OPNI_SERVICE_PORT_HTTP: '80',
        OPNI_PORT: 'tcp://10.0.0.1:80',
        OPNI_PORT_80_TCP_ADDR: '10.0.0.1',
        OPNI_GATEWAY: 'https://gateway',
      }),
    ).not.toThrow();
    expect(problems(() => fromEnv({ OPNI_PORT: '8080' }))).toContain('OPNI_PORT');
  });
});

describe('parts that are not built yet', () => {
  it.each([
    [{ OPNI_DRIVER: 'kubernetes' }, 'driver (OPNI_DRIVER)'],
    [{ OPNI_AUTH_MODE: 'oidc' }, 'auth.mode (OPNI_AUTH_MODE)'],
    [{ OPNI_AUTH_OIDC_ISSUER: 'https://i' }, 'OPNI_AUTH_OIDC_ISSUER'],
    [{ OPNI_STORE_URL: 'postgres://h/d' }, 'store.url (OPNI_STORE_URL)'],
    [{ OPNI_OTLP_ENDPOINT: 'http://h:4317' }, 'otlp.endpoint (OPNI_OTLP_ENDPOINT)'],
  ])('%j stops the start and says so', (env, place) => {
    const text = problems(() => fromEnv(env));
    expect(text).toContain(place);
    expect(text).toContain('not built yet');
  });
});

describe('an address beyond this machine', () => {
  const listen = { OPNI_LISTEN: '0.0.0.0:8080' };

  it('needs authentication and TLS', () => {
    const text = problems(() => fromEnv(listen));
    expect(text).toContain('needs authentication');
    expect(text).toContain('needs TLS');
    expect(problems(() => fromEnv({ ...listen, OPNI_AUTH_MODE: 'token' }))).toContain('needs TLS');
    expect(problems(() => fromEnv({ ...listen, OPNI_TLS_TERMINATED_UPSTREAM: 'true' }))).toContain(
      'needs authentication',
    );
  });

  it('is fine with both', () => {
    const env = { ...listen, OPNI_AUTH_MODE: 'token', OPNI_TLS_TERMINATED_UPSTREAM: 'true' };
    expect(fromEnv(env).listen).toBe('0.0.0.0:8080');
  });

  it.each(['[::1]:1', 'localhost:1', '127.9.9.9:1'])('is not %s', (address) => {
    expect(fromEnv({ OPNI_LISTEN: address }).listen).toBe(address);
  });
});

it('is documented, every setting with its variable', () => {
  const page = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
  for (const { path, variable } of settingsOf(Settings)) {
    expect(page).toContain(`\`${path}\``);
    expect(page).toContain(`\`${variable}\``);
  }
});
