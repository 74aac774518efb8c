import { randomBytes } from 'node:crypto';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { closeServer, listen } from '../http/close-server.js';
import { Recording } from './recording.js';
import { failureWords } from './failure-words.js';
import type { RelayCertificates } from './relay-certificates.js';
import type { Upstream } from './scratch-config.js';
import { openUpstream } from './upstream.js';

/** What one delivery came to. */
export interface Exchange {
  statusCode: number | null;
  latency: number | null;
  response: string | null;
  error: string | null;
}

/** How far a delivery has come, for the words of a timeout. */
export type Stage =
  | { name: 'idle' }
  | { name: 'connecting' | 'waiting'; host: string }
  | { name: 'redirected'; exchange: Exchange };

/**
 * A forward proxy for one delivery: passes the request of the scratch Alertmanager to the receiver unchanged, and
 * records the answer. Only who knows its password (the scratch Alertmanager) may use it, and only once; after a
 * redirect once more.
 */
export class Relay {
  readonly exchange: Promise<Exchange>;
  readonly #server: http.Server;
  readonly #password = randomBytes(18).toString('hex');
  readonly #sockets = new Set<Socket>();
  readonly #abort = new AbortController();
  #settle: (exchange: Exchange) => void = () => undefined;
  #stage: Stage = { name: 'idle' };
  #taken = false;

  /** @param certificates needed for https targets */
  constructor(
    private readonly upstream: Upstream,
    private readonly certificates: RelayCertificates | null,
  ) {
    this.exchange = new Promise((resolve) => (this.#settle = resolve));
    this.#server = http.createServer((request, response) => {
      void this.#relay(request.url ?? '', request, response, request);
    });
    this.#server.on('connect', (request: IncomingMessage, socket: Socket, head: Buffer) => {
      this.#intercept(request, socket, head).catch(() => socket.destroy());
    });
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  get stage(): Stage {
    return this.#stage;
  }

  /** The proxy URL, with its password. */
  async start(): Promise<string> {
    await listen(this.#server, '127.0.0.1', 0);
    const { port } = this.#server.address() as AddressInfo;
    return `http://relay:${this.#password}@127.0.0.1:${port}`;
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    for (const socket of this.#sockets) socket.destroy();
    await closeServer(this.#server, 0);
  }

  #allows(request: IncomingMessage): boolean {
    const expected = `Basic ${Buffer.from(`relay:${this.#password}`).toString('base64')}`;
    return request.headers['proxy-authorization'] === expected;
  }

  /** Answers CONNECT and speaks TLS in the receiver's place, so that the request can be seen. */
  async #intercept(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy());
    if (this.certificates === null || !this.#allows(request)) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\nconnection: close\r\n\r\n');
      return;
    }
    const authority = request.url ?? '';
    const { hostname } = new URL(`https://${authority}`);
    const certificate = await this.certificates.issue(hostname.replace(/^\[|\]$/g, ''));
    const server = https.createServer(certificate, (inner, response) => {
      void this.#relay(`https://${authority}${inner.url ?? '/'}`, inner, response, request);
    });
    server.on('tlsClientError', () => socket.destroy());
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
    if (head.length > 0) socket.unshift(head);
    server.emit('connection', socket);
  }

  /** @param credentials the request whose `Proxy-Authorization` counts */
  async #relay(
    url: string,
    request: IncomingMessage,
    response: ServerResponse,
    credentials: IncomingMessage,
  ): Promise<void> {
    request.on('error', () => response.destroy());
    response.on('error', () => response.destroy());
    if (!this.#allows(credentials) || !URL.canParse(url)) return refuse(request, response, 407);
    if (this.#taken) return refuse(request, response, 503);
    this.#taken = true;
    const target = new URL(url);
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    try {
      await this.#exchange(target, request, response, AbortSignal.any([this.#abort.signal, gone.signal]));
    } catch (error) {
      const gaveUp = gone.signal.aborted && !this.#abort.signal.aborted;
      const words = gaveUp
        ? `Alertmanager gave up waiting for ${target.host}: the endpoint's own "timeout" has passed.`
        : failureWords(error, this.#peerFor(target));
      this.#settle({ statusCode: null, latency: null, response: null, error: words });
      refuse(request, response, 502);
    }
  }

  /** Whom a request to the target really speaks to, for words about failures; https goes through a tunnel. */
  #peerFor(target: URL): { host: string } {
    const { proxyUrl } = this.upstream;
    const isProxied = proxyUrl !== undefined && target.protocol === 'http:';
    return isProxied ? { host: `Proxy ${new URL(proxyUrl).host}` } : target;
  }

  async #exchange(
    target: URL,
    request: IncomingMessage,
    response: ServerResponse,
    signal: AbortSignal,
  ): Promise<void> {
    this.#stage = { name: 'connecting', host: target.host };
    const startedAt = performance.now();
    const method = request.method ?? 'GET';
    const upstream = await openUpstream(target, method, endToEnd(request.rawHeaders), this.upstream, signal);
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      upstream.once('response', resolve);
      upstream.once('error', reject);
      upstream.once('finish', () => (this.#stage = { name: 'waiting', host: target.host }));
      request.pipe(upstream);
    });
    upstream.on('error', () => undefined);
    const latency = Math.round((performance.now() - startedAt) * 10) / 10;
    const statusCode = answer.statusCode ?? 0;
    const recording = new Recording(answer);
    response.writeHead(statusCode, endToEnd(answer.rawHeaders));
    answer.on('error', () => response.destroy());
    answer.pipe(response);
    const exchange = { statusCode, latency, response: await recording.text(), error: null };
    if (isRedirect(answer) && this.upstream.followRedirects) {
      this.#stage = { name: 'redirected', exchange };
      this.#taken = false;
    } else this.#settle(exchange);
  }
}

function isRedirect({ statusCode = 0, headers }: IncomingMessage): boolean {
  return [301, 302, 303, 307, 308].includes(statusCode) && headers.location !== undefined;
}

/** Raw headers without those that are meant for a proxy or for one connection. */
function endToEnd(raw: string[]): string[] {
  const kept: string[] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const [name = '', value = ''] = raw.slice(index, index + 2);
    if (!/^(proxy-.*|connection|keep-alive|te|upgrade)$/i.test(name)) kept.push(name, value);
  }
  return kept;
}

function refuse(request: IncomingMessage, response: ServerResponse, status: number): void {
  request.resume();
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, { 'content-length': 0, connection: 'close' });
  response.end();
}
