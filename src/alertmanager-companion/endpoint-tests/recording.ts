import type { IncomingMessage } from 'node:http';
import zlib from 'node:zlib';

/** Of the answer, as a reader sees it. */
const SHOWN = 1024;
/** As it comes over the wire: more is not looked at. */
const KEPT = 16 * 1024;
/** An answer whose body does not end is shown as far as it came. */
const PATIENCE = 1_000;

/** Listens to an answer that goes elsewhere, and keeps its beginning. */
export class Recording {
  readonly #chunks: Buffer[] = [];
  readonly #done: Promise<void>;

  constructor(private readonly answer: IncomingMessage) {
    this.#done = new Promise((resolve) => {
      let size = 0;
      const timer = setTimeout(resolve, PATIENCE);
      const finish = () => {
        clearTimeout(timer);
        resolve();
      };
      answer.on('data', (chunk: Buffer) => {
        if (size < KEPT) this.#chunks.push(chunk);
        size += chunk.length;
        if (size >= KEPT) finish();
      });
      answer.once('end', finish);
      answer.once('close', finish);
    });
  }

  /** The first KiB of the body, decompressed; what is no UTF-8 is shown as U+FFFD. */
  async text(): Promise<string> {
    await this.#done;
    const bytes = decompress(Buffer.concat(this.#chunks), this.answer.headers['content-encoding']);
    return new TextDecoder().decode(bytes.subarray(0, SHOWN), { stream: true });
  }
}

function decompress(bytes: Buffer, encoding: string | undefined): Buffer {
  const options = { finishFlush: zlib.constants.Z_SYNC_FLUSH, maxOutputLength: 1024 * 1024 };
  try {
    if (encoding === 'gzip') return zlib.gunzipSync(bytes, options);
    if (encoding === 'deflate') return zlib.inflateSync(bytes, options);
  } catch {
    return bytes;
  }
  return bytes;
}
