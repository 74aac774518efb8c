import { once } from 'node:events';
import http, { type IncomingHttpHeaders, type RequestListener, type ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';

/**
 * What a collector does with a request once it has read it: a status answers at once, `hang` never answers, `close` breaks
 * the connection without an answer.
 */
export type Behaviour =
  | number
  | 'hang'
  | 'close'
  | { status: number; headers?: Record<string, string>; body?: string; delay?: number };

export interface ReceivedRequest {
  /** Milliseconds since the epoch. */
  at: number;
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** As Alertmanager's webhook sends it (version 4), as far as tests read it. */
export interface WebhookPayload {
  status: 'firing' | 'resolved';
  receiver: string;
  alerts: {
    status: 'firing' | 'resolved';
    labels: Record<string, string>;
    annotations: Record<string, string>;
    startsAt: string;
  }[];
}

/** A webhook receiver that really listens and remembers what came, when. Its owner calls `close`. */
export class WebhookCollector {
  readonly received: ReceivedRequest[] = [];
  #server: http.Server | undefined;
  #port: number;
  readonly #behaviours = new Map<string, Behaviour>();
  readonly #delays = new Set<NodeJS.Timeout>();

  private constructor(
    port: number,
    private readonly tls: https.ServerOptions | undefined,
  ) {
    this.#port = port;
  }

  /** Listens at once unless `listening` is false. @param options.port 0 takes a free one */
  static async start(
    options: { port?: number; tls?: https.ServerOptions; listening?: boolean } = {},
  ): Promise<WebhookCollector> {
    const collector = new WebhookCollector(options.port ?? 0, options.tls);
    if (options.listening !== false) await collector.listen();
    return collector;
  }

  /** Without a slash at the end. */
  get url(): string {
    return `${this.tls === undefined ? 'http' : 'https'}://127.0.0.1:${this.#port}`;
  }

  /** What it does with requests to this path, from now on; elsewhere it answers 200. */
  respond(path: string, behaviour: Behaviour): void {
    this.#behaviours.set(path, behaviour);
  }

  at(path: string): ReceivedRequest[] {
    return this.received.filter((request) => request.path === path);
  }

  /** Alerts that arrived at a path, in order, with repetitions. */
  alertsAt(path: string): WebhookPayload['alerts'] {
    return this.at(path).flatMap(({ body }) => (JSON.parse(body) as WebhookPayload).alerts);
  }

  /** Names of the alerts that arrived at a path, in order, with repetitions. */
  titlesAt(path: string): (string | undefined)[] {
    return this.alertsAt(path).map(({ labels }) => labels['alertname']);
  }

  /** Listens (again), on the port that it had. */
  async listen(): Promise<void> {
    const listener: RequestListener = (request, response) => {
      let body = '';
      request.setEncoding('utf8');
      request.on('data', (chunk: string) => (body += chunk));
      request.on('end', () => {
        const { method = '', url: path = '', headers } = request;
        this.received.push({ at: Date.now(), method, path, headers, body });
        this.#answer(this.#behaviours.get(path) ?? 200, response);
      });
    };
    this.#server =
      this.tls === undefined ? http.createServer(listener) : https.createServer(this.tls, listener);
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Refuses connections from now on. */
  async close(): Promise<void> {
    for (const delay of this.#delays) clearTimeout(delay);
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  }

  #answer(behaviour: Behaviour, response: ServerResponse): void {
    if (behaviour === 'hang') return;
    if (behaviour === 'close') {
      response.destroy();
      return;
    }
    const {
      status,
      headers = {},
      body = '',
      delay = 0,
    } = typeof behaviour === 'number' ? { status: behaviour } : behaviour;
    const send = (): void => void response.writeHead(status, headers).end(body);
    if (delay === 0) return send();
    const timer = setTimeout(() => {
      this.#delays.delete(timer);
      send();
    }, delay);
    this.#delays.add(timer);
  }
}
