import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import http, { type ClientRequest } from 'node:http';
import https from 'node:https';
import { isIP, type Socket } from 'node:net';
import tls from 'node:tls';
import type { Upstream } from './scratch-config.js';

/** Where Go programs look for the system's roots, so that the relay trusts what Alertmanager would. */
const ROOT_FILES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/tls/cacert.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/** The proxy that the endpoint names did not let us through. */
export class ProxyError extends Error {}

/**
 * Opens a request to the receiver the way the block wants it: its proxy, its CA, its client certificate.
 * @param headers flat list of names and values, sent as they are
 */
export async function openUpstream(
  target: URL,
  method: string,
  headers: string[],
  upstream: Upstream,
  signal: AbortSignal,
): Promise<ClientRequest> {
  const proxy = upstream.proxyUrl === undefined ? null : new URL(upstream.proxyUrl);
  const options = { method, headers, agent: false as const, signal };
  if (target.protocol === 'http:') {
    if (proxy === null) return http.request(target, options);
    const all = [...headers, ...proxyAuthorization(proxy)];
    return clientFor(proxy).request({ ...addressOf(proxy), ...options, headers: all, path: target.href });
  }
  const secure = await tlsOptions(target, upstream);
  if (proxy === null) return https.request(target, { ...options, ...secure });
  const socket = await tunnel(proxy, target, signal);
  const createConnection = () => tls.connect({ ...secure, socket });
  // With an agent (`agent: false` makes one) `createConnection` is not asked.
  return https.request(target, { method, headers, signal, createConnection });
}

function clientFor(url: URL): typeof http | typeof https {
  return url.protocol === 'https:' ? https : http;
}

function addressOf(url: URL): { host: string; port: number } {
  return { host: hostOf(url), port: Number(url.port) || (url.protocol === 'https:' ? 443 : 80) };
}

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

function proxyAuthorization(proxy: URL): string[] {
  if (proxy.username === '') return [];
  const plain = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return ['Proxy-Authorization', `Basic ${Buffer.from(plain).toString('base64')}`];
}

async function tlsOptions(target: URL, upstream: Upstream): Promise<tls.ConnectionOptions> {
  const host = upstream.serverName ?? hostOf(target);
  const ca = upstream.ca ?? (await systemRoots());
  return {
    rejectUnauthorized: !upstream.insecureSkipVerify,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    // Without SNI (addresses have none) the name to verify has to be said.
    checkServerIdentity: (_name, certificate) => tls.checkServerIdentity(host, certificate),
    ...(ca === null ? {} : { ca }),
    ...(upstream.cert === undefined ? {} : { cert: upstream.cert }),
    ...(upstream.key === undefined ? {} : { key: upstream.key }),
  };
}

async function tunnel(proxy: URL, target: URL, signal: AbortSignal): Promise<Socket> {
  const { host, port } = addressOf(target);
  const authority = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  const [name, value] = proxyAuthorization(proxy);
  const request = clientFor(proxy).request({
    ...addressOf(proxy),
    method: 'CONNECT',
    path: authority,
    headers: { host: authority, ...(name === undefined ? {} : { [name]: value }) },
    agent: false,
    signal,
  });
  request.end();
  const [answer, socket] = (await once(request, 'connect', { signal })) as [http.IncomingMessage, Socket];
  if (answer.statusCode === 200) return socket;
  socket.destroy();
  throw new ProxyError(`the proxy ${proxy.host} answered ${answer.statusCode} to CONNECT`);
}

async function systemRoots(): Promise<string | null> {
  const own = process.env['SSL_CERT_FILE'];
  for (const path of own === undefined ? ROOT_FILES : [own]) {
    const text = await readFile(path, 'utf8').catch(() => null);
    if (text !== null) return text;
  }
  return null;
}
