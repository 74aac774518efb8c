import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Dispatcher, EnvHttpProxyAgent, errors, request } from 'undici';
import { withDeadline } from '../deadline.js';
import { messageOf } from '../errors.js';
import type { DownloadDeadlines } from './download-deadlines.js';
import { displayUrl } from './release-urls.js';

const MAX_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** A download that failed, in words that name the address; never an abort. */
export class DownloadError extends Error {
  override readonly name = 'DownloadError';
}

/** Fetches files with a deadline for every stage, through the proxy that the environment names. Close it after use. */
export class HttpDownload {
  private readonly dispatcher: Dispatcher;

  constructor(
    env: NodeJS.ProcessEnv,
    private readonly deadlines: DownloadDeadlines,
  ) {
    this.dispatcher = new EnvHttpProxyAgent({
      connect: { timeout: deadlines.connect },
      headersTimeout: deadlines.answer,
      bodyTimeout: deadlines.idle,
      ...proxiesOf(env),
    });
  }

  /** @throws DownloadError, or the signal's reason */
  async text(url: string, limit: number, signal?: AbortSignal): Promise<string> {
    const chunks: Buffer[] = [];
    await this.read(url, limit, signal, async (body, meter) => {
      await pipeline(body, meter, async (pieces: AsyncIterable<Buffer>) => {
        for await (const piece of pieces) chunks.push(piece);
      });
    });
    return Buffer.concat(chunks).toString('utf8');
  }

  /**
   * Streams a file to disk.
   * @returns its SHA-256 in lower-case hex
   * @throws DownloadError, or the signal's reason
   */
  async file(
    url: string,
    path: string,
    options: {
      limit: number;
      signal?: AbortSignal | undefined;
      onBytes: (got: number, all: number | undefined) => void;
    },
  ): Promise<string> {
    const hash = createHash('sha256');
    await this.read(url, options.limit, options.signal, async (body, meter, length) => {
      let got = 0;
      meter.on('data', (piece: Buffer) => {
        hash.update(piece);
        options.onBytes((got += piece.length), length);
      });
      await pipeline(body, meter, createWriteStream(path, { flags: 'wx' }));
    });
    return hash.digest('hex');
  }

  async close(): Promise<void> {
    await this.dispatcher.destroy();
  }

  private async read(
    url: string,
    limit: number,
    signal: AbortSignal | undefined,
    consume: (body: Readable, meter: Transform, length: number | undefined) => Promise<void>,
  ): Promise<void> {
    const { total } = this.deadlines;
    let late = false;
    try {
      await withDeadline(total, signal, async (deadline) => {
        deadline.addEventListener('abort', () => (late = signal?.aborted !== true));
        const answer = await this.follow(url, deadline);
        if (answer.statusCode !== 200) throw new DownloadError(`it answered ${answer.statusCode}`);
        const length = Number(answer.headers['content-length']);
        await consume(answer.body, limiter(limit), Number.isFinite(length) ? length : undefined);
      });
    } catch (error) {
      signal?.throwIfAborted();
      const reason = late ? `not done within ${total / 1000} s` : this.explain(error);
      throw new DownloadError(`${displayUrl(url)}: ${reason}`, { cause: error });
    }
  }

  private async follow(url: string, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    let current = url;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
      const answer = await this.ask(current, signal);
      const location = answer.headers['location'];
      if (!REDIRECTS.has(answer.statusCode) || typeof location !== 'string') return answer;
      await answer.body.dump();
      const next = new URL(location, current);
      if (current.startsWith('https:') && next.protocol !== 'https:') {
        throw new DownloadError(`it redirects to ${displayUrl(next.href)}, which is not https`);
      }
      current = next.href;
    }
    throw new DownloadError(`it redirects more than ${MAX_REDIRECTS} times`);
  }

  /** Connecting through a proxy has stages that undici's own timeouts do not see, hence one deadline for all of it. */
  private async ask(url: string, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const deadline = this.deadlines.connect + this.deadlines.answer;
    const stage = new AbortController();
    const late = new DownloadError(`no answer within ${deadline / 1000} s`);
    const timer = setTimeout(() => stage.abort(late), deadline);
    try {
      return await request(url, {
        dispatcher: this.dispatcher,
        signal: AbortSignal.any([signal, stage.signal]),
      });
    } finally {
      clearTimeout(timer);
    }
  }

  private explain(error: unknown): string {
    if (error instanceof errors.ConnectTimeoutError)
      return `no connection within ${this.deadlines.connect / 1000} s`;
    if (error instanceof errors.HeadersTimeoutError)
      return `no answer within ${this.deadlines.answer / 1000} s`;
    if (error instanceof errors.BodyTimeoutError)
      return `the transfer stood still for ${this.deadlines.idle / 1000} s`;
    if (error instanceof AggregateError && error.errors.length > 0)
      return error.errors.map(messageOf).join(', ');
    return messageOf(error);
  }
}

function limiter(limit: number): Transform {
  let got = 0;
  return new Transform({
    transform(piece: Buffer, _encoding, done) {
      got += piece.length;
      if (got > limit) done(new DownloadError(`it is larger than ${limit} bytes`));
      else done(null, piece);
    },
  });
}

function proxiesOf(env: NodeJS.ProcessEnv): { httpProxy: string; httpsProxy: string; noProxy: string } {
  return {
    httpProxy: env['http_proxy'] ?? env['HTTP_PROXY'] ?? '',
    httpsProxy: env['https_proxy'] ?? env['HTTPS_PROXY'] ?? '',
    noProxy: env['no_proxy'] ?? env['NO_PROXY'] ?? '',
  };
}
