import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { createSecureContext } from 'node:tls';
import { hostOf, isLoopbackHost } from '../auth/loopback.js';
import { messageOf } from '../errors.js';
import type { ConfigurationFinding } from './configuration-error.js';
import type { Settings } from './settings.js';

/** What single values cannot say: values that do not go together, and parts that this version does not have yet. */
export function brokenRules(settings: Settings): ConfigurationFinding[] {
  return [
    ...notBuiltYet(settings),
    ...addresses(settings),
    ...proxies(settings),
    ...exposure(settings),
    ...certificate(settings),
  ];
}

function notBuiltYet(settings: Settings): ConfigurationFinding[] {
  const findings: ConfigurationFinding[] = [];
  const missing = (setting: string, message: string): void => {
    findings.push({ setting, message });
  };
  if (settings.driver === 'kubernetes') missing('driver', '"kubernetes" is not built yet. Use local.');
  if (settings.auth.mode === 'oidc') missing('auth.mode', '"oidc" is not built yet. Use none or token.');
  if (settings.store.url !== undefined) {
    missing(
      'store.url',
      /^postgres(ql)?:\/\//.test(settings.store.url)
        ? 'PostgreSQL is not built yet. Leave it out: SQLite in the data directory is used.'
        : 'must be postgres://…, which is not built yet. Leave it out: SQLite in the data directory is used.',
    );
  }
  if (settings.otlp.endpoint !== undefined)
    missing('otlp.endpoint', 'traces are not built yet. Leave it out.');
  if (settings.kubernetes.namespace !== undefined) {
    missing('kubernetes.namespace', 'the driver "kubernetes" is not built yet. Leave it out.');
  }
  return findings;
}

function addresses(settings: Settings): ConfigurationFinding[] {
  return (['listen', 'agentListen'] as const).flatMap((setting) => {
    const address = settings[setting];
    const port = Number(address.slice(address.lastIndexOf(':') + 1));
    return port <= 65535 ? [] : [{ setting, message: 'must have a port between 0 and 65535.' }];
  });
}

function proxies({ trustedProxies }: Settings): ConfigurationFinding[] {
  return trustedProxies.flatMap((entry) => {
    const [address = '', bits] = entry.split('/');
    const family = isIP(address);
    const holds = family !== 0 && (bits === undefined || Number(bits) <= (family === 4 ? 32 : 128));
    const message = `"${entry}" is no address or network; write e.g. 10.0.0.1 or 10.0.0.0/8.`;
    return holds ? [] : [{ setting: 'trustedProxies', message }];
  });
}

/** Beyond this machine, nobody may read tokens on the wire or come in without one. */
function exposure(settings: Settings): ConfigurationFinding[] {
  const host = hostOf(settings.listen);
  if (host !== undefined && isLoopbackHost(host)) return [];
  const findings: ConfigurationFinding[] = [];
  if (settings.auth.mode === 'none') {
    const message = `${settings.listen} can be reached from other machines, which needs authentication. Set auth.mode to token, or listen on 127.0.0.1.`;
    findings.push({ setting: 'listen', message });
  }
  const { cert, key, terminatedUpstream } = settings.tls;
  if (!terminatedUpstream && (cert === undefined || key === undefined)) {
    const message = `${settings.listen} can be reached from other machines, which needs TLS. Set tls.cert and tls.key, or tls.terminatedUpstream to true when a proxy in front speaks TLS.`;
    findings.push({ setting: 'listen', message });
  }
  return findings;
}

function certificate({ tls: { cert, key } }: Settings): ConfigurationFinding[] {
  if (cert === undefined && key === undefined) return [];
  if (cert === undefined) return [{ setting: 'tls.key', message: 'needs tls.cert beside it.' }];
  if (key === undefined) return [{ setting: 'tls.cert', message: 'needs tls.key beside it.' }];
  const findings: ConfigurationFinding[] = [];
  const read = (setting: string, path: string): Buffer | undefined => {
    try {
      return readFileSync(path);
    } catch (error) {
      findings.push({ setting, message: `cannot be read: ${messageOf(error)}.` });
      return undefined;
    }
  };
  const [certificates, privateKey] = [read('tls.cert', cert), read('tls.key', key)];
  if (certificates && privateKey) {
    try {
      createSecureContext({ cert: certificates, key: privateKey });
    } catch (error) {
      const message = `does not go together with tls.key, or one of them is no PEM file: ${messageOf(error)}.`;
      findings.push({ setting: 'tls.cert', message });
    }
  }
  return findings;
}
