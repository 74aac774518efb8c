import http from 'node:http';
import { eventually } from './eventually.js';

export interface ReceivedEvent {
  event: string;
  id: string;
  data: { kind?: string; id?: string; revision?: number; object?: Record<string, unknown>; reason?: string };
}

export interface EventReaderOptions {
  lastEventId?: string;
  headers?: Record<string, string>;
}

/** A client of `/api/v1/events` on a connection of its own; events and comments in the order in which they came. */
export class EventReader {
  readonly events: ReceivedEvent[] = [];
  readonly comments: string[] = [];
  /** Milliseconds, each time that the service named them. */
  readonly retries: number[] = [];
  ended = false;

  private constructor(
    private readonly request: http.ClientRequest,
    readonly response: http.IncomingMessage,
  ) {
    let rest = '';
    response.setEncoding('utf8').on('data', (chunk: string) => {
      const blocks = (rest + chunk).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) this.take(block);
    });
    // Also when the connection is cut.
    response.on('error', () => undefined).once('close', () => (this.ended = true));
  }

  static async open(
    url: string,
    { lastEventId, headers = {} }: EventReaderOptions = {},
  ): Promise<EventReader> {
    return new Promise((resolve, reject) => {
      const request = http.get(
        url,
        {
          agent: false,
          headers: { ...headers, ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }) },
        },
        (response) => resolve(new EventReader(request, response)),
      );
      request.once('error', reject);
    });
  }

  get lastEventId(): string {
    return this.events.at(-1)?.id ?? '';
  }

  /** Names, with the id of the object where there is one: `put a`, `snapshot-complete`. */
  get story(): string[] {
    return this.events.map(({ event, data }) => (data.id === undefined ? event : `${event} ${data.id}`));
  }

  /** The socket is not read any more: what is sent fills its buffers, then those of the sender. */
  pause(): void {
    this.response.pause();
  }

  resume(): void {
    this.response.resume();
  }

  close(): void {
    this.request.destroy();
  }

  async until(what: string, holds: (reader: this) => boolean, timeout = 10_000): Promise<void> {
    await eventually(`${what}; it got ${this.story.slice(-5).join(', ')}`, () => holds(this), timeout);
  }

  private take(block: string): void {
    const fields = new Map<string, string>();
    for (const line of block.split('\n')) {
      const colon = line.indexOf(':');
      if (colon === 0) this.comments.push(line.slice(1).trim());
      else fields.set(line.slice(0, colon), line.slice(colon + 1).trimStart());
    }
    const retry = fields.get('retry');
    if (retry !== undefined) this.retries.push(Number(retry));
    const data = fields.get('data');
    if (data === undefined) return;
    this.events.push({
      event: fields.get('event') ?? 'message',
      id: fields.get('id') ?? '',
      data: JSON.parse(data) as ReceivedEvent['data'],
    });
  }
}
