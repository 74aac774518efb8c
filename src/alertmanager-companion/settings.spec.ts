import { describe, expect, it } from 'vitest';
import { parseAddress, problemsOf } from './settings.js';

const valid = {
  member: 'controller-0',
  listen: '127.0.0.1:9443',
  probeListen: '127.0.0.1:9444',
  alertmanagerUrl: 'http://127.0.0.1:9093',
  dataDir: '/data',
  tls: { certificateFile: '/tls/tls.crt', keyFile: '/tls/tls.key', caFile: '/tls/ca.crt' },
  binaries: { alertmanager: '/bin/alertmanager', amtool: '/bin/amtool' },
  logLevel: 'info',
};

describe('problemsOf', () => {
  it('accepts the settings the gateway writes', () => expect(problemsOf(valid)).toEqual([]));

  it.each([
    [{ ...valid, listen: '127.0.0.1:0' }, '"listen" must be "host:port"'],
    [{ ...valid, alertmanagerUrl: 'https://x/y' }, '"alertmanagerUrl" must be'],
    [{ ...valid, tls: { ...valid.tls, keyFile: 'tls.key' } }, '"tls.keyFile" must be an absolute path'],
    [{ ...valid, tls: 'x' }, '"tls.caFile" must be an absolute path and is missing'],
    [{ ...valid, logLevel: 'loud' }, '"logLevel" must be one of trace'],
    [{ ...valid, colour: 'red' }, '"colour" is not a known field'],
    [[], 'one JSON object'],
  ])('names what is wrong (%#)', (settings, words) => {
    expect(problemsOf(settings).join('; ')).toContain(words);
  });
});

describe('parseAddress', () => {
  it('reads names, IPv4 and IPv6', () => {
    expect(parseAddress('127.0.0.1:80')).toEqual({ host: '127.0.0.1', port: 80 });
    expect(parseAddress('[::1]:80')).toEqual({ host: '::1', port: 80 });
    expect(parseAddress('::1:80')).toBeNull();
    expect(parseAddress('a:65536')).toBeNull();
  });
});
