import http from 'node:http';
import { readAlertmanagerMetrics, type AlertmanagerMetrics } from './alertmanager-metrics.js';
import { isRecord } from '../http/parse-json.js';

const MAX_ANSWER = 32 * 1024 * 1024;

export interface AlertmanagerAnswer {
  status: number;
  body: string;
}

/** Alertmanager did not answer: it does not run, hangs, or died while it was asked. */
export class AlertmanagerUnreachable extends Error {
  constructor(
    /** Whether the connection was made and then broke or stayed silent. */
    readonly connected: boolean,
    message: string,
  ) {
    super(message);
    this.name = 'AlertmanagerUnreachable';
  }
}

/**
 * The few calls that the companion makes to an Alertmanager on loopback. Made with `node:http`: one more HTTP client
 * in the process would cost 10 MB and 50 ms of the start for nothing that is needed here.
 */
export class AlertmanagerClient {
  /** @param url `http://host:port` */
  constructor(readonly url: string) {}

  /** @throws AlertmanagerUnreachable */
  async metrics(deadline: number): Promise<AlertmanagerMetrics> {
    const { status, body } = await this.call('GET', '/metrics', deadline);
    if (status !== 200)
      throw new AlertmanagerUnreachable(true, `Alertmanager answered ${status} instead of its metrics.`);
    return readAlertmanagerMetrics(body);
  }

  /** The hash of the configuration that it runs. @throws AlertmanagerUnreachable */
  async configHash(deadline: number): Promise<number> {
    const { configHash } = await this.metrics(deadline);
    if (configHash === null)
      throw new AlertmanagerUnreachable(true, 'Alertmanager answered without its hash.');
    return configHash;
  }

  /** @param hash of a file, as `alertmanagerHashOf` gives it @throws AlertmanagerUnreachable */
  async runs(hash: number, deadline: number): Promise<boolean> {
    return (await this.configHash(deadline)) === hash;
  }

  /** 200 when it took the file, 500 with its reason when it kept the old one. @throws AlertmanagerUnreachable */
  async reload(deadline: number): Promise<AlertmanagerAnswer> {
    return this.call('POST', '/-/reload', deadline);
  }

  /**
   * `ready` or `settling`, `disabled` without clustering. It writes its whole configuration into this answer: 1 to 2 s
   * for 10,000 receivers.
   *
   * @throws AlertmanagerUnreachable
   */
  async clusterStatus(deadline: number): Promise<string | null> {
    const { status, body } = await this.call('GET', '/api/v2/status', deadline);
    const value: unknown = status === 200 ? JSON.parse(body) : null;
    if (!isRecord(value))
      throw new AlertmanagerUnreachable(true, `Alertmanager answered ${status} about its status.`);
    return isRecord(value['cluster']) ? textOrNull(value['cluster']['status']) : null;
  }

  /** @param deadline milliseconds for everything @throws AlertmanagerUnreachable */
  call(method: string, path: string, deadline: number, body?: string): Promise<AlertmanagerAnswer> {
    return new Promise((resolve, reject) => {
      let connected = false;
      const headers: http.OutgoingHttpHeaders =
        body === undefined ? {} : { 'content-type': 'application/json' };
      const request = http.request(this.url + path, {
        method,
        headers,
        // Kept connections are stale after every restart, and making one over loopback costs next to nothing.
        agent: false,
        signal: AbortSignal.timeout(deadline),
      });
      request.on('socket', (socket) => {
        socket.once('connect', () => (connected = true));
      });
      request.on('error', (error: NodeJS.ErrnoException) => {
        reject(new AlertmanagerUnreachable(connected, wordsFor(error, this.url, deadline)));
      });
      request.once('response', (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > MAX_ANSWER) request.destroy(new Error('its answer is too large'));
          else chunks.push(chunk);
        });
        response.once('error', (error) =>
          reject(new AlertmanagerUnreachable(true, wordsFor(error, this.url, deadline))),
        );
        response.once('end', () =>
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
        );
      });
      request.end(body);
    });
  }
}

function wordsFor(error: NodeJS.ErrnoException, url: string, deadline: number): string {
  if (error.name === 'AbortError' || error.name === 'TimeoutError') {
    return `Alertmanager at ${url} did not answer within ${deadline} ms.`;
  }
  if (error.code === 'ECONNREFUSED') return `Alertmanager is not listening at ${url}.`;
  return `The connection to Alertmanager at ${url} failed: ${error.message}.`;
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
