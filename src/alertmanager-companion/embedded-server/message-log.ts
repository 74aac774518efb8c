import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, readdir, rm, truncate, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { isTemporaryName, readIfExists } from '../durable-files.js';
import { syncDirectory, writeFileAtomic } from '../../platform/files/atomic-file.js';
import type { Message } from '../companion-api.js';
import { isRecord } from '../http/parse-json.js';
import { entryOf, type Entry } from './message-ring.js';

/** Every start begins a segment; more than this are joined, however small they are. */
const MAX_SEGMENTS = 32;

export interface LogBounds {
  /** A segment that is larger is closed and a new one begun. */
  segmentBytes: number;
  /** More than this in all segments, and they are replaced by one that holds the living messages only. */
  totalBytes: number;
}

export interface LoadedLog {
  ring: string;
  /** In the order of their sequence; an updated message may appear more than once. */
  entries: Entry[];
  /** Lines that could not be read, a torn last one not counted. */
  damaged: number;
}

/**
 * The ring on disk: append-only segments of one JSON document a line, `00000001.jsonl` and so on, and `ring.json`.
 * What `append` has resolved for survives `kill -9` and power loss. One caller at a time.
 */
export class MessageLog {
  #file: FileHandle | null = null;
  #segment = 0;
  #segmentBytes = 0;
  #totalBytes = 0;
  #segmentCount = 0;

  constructor(
    private readonly directory: string,
    private readonly bounds: LogBounds,
  ) {}

  /** Reads everything and mends what a crash left: half a line at the end of the newest segment is cut off. */
  async load(): Promise<LoadedLog> {
    await mkdir(this.directory, { recursive: true, mode: 0o700 });
    for (const name of await readdir(this.directory)) {
      if (isTemporaryName(name)) await rm(join(this.directory, name), { force: true });
    }
    const entries: Entry[] = [];
    let damaged = 0;
    const segments = await this.#segments();
    for (const segment of segments) {
      const path = this.#path(segment);
      const bytes = await readFile(path);
      const end = bytes.lastIndexOf(0x0a) + 1;
      if (end < bytes.length) await truncate(path, end);
      for (const line of bytes.toString('utf8', 0, end).split('\n')) {
        if (line === '') continue;
        const message = readMessage(line);
        if (message === null) damaged += 1;
        else entries.push(entryOf(message));
      }
      this.#totalBytes += end;
    }
    this.#segment = segments.at(-1) ?? 0;
    this.#segmentCount = segments.length;
    entries.sort((a, b) => a.message.sequence - b.message.sequence);
    return { ring: await this.#ringId(damaged > 0), entries, damaged };
  }

  /** Appends and waits until it is on the disk. When it fails, nothing was appended. */
  async append(entries: Entry[]): Promise<void> {
    const bytes = Buffer.from(entries.map((entry) => entry.line).join(''));
    this.#file ??= await this.#begin();
    try {
      await this.#file.appendFile(bytes);
      await this.#file.datasync();
    } catch (error) {
      await this.#undo();
      throw error;
    }
    this.#segmentBytes += bytes.length;
    this.#totalBytes += bytes.length;
    if (this.#segmentBytes > this.bounds.segmentBytes) await this.#end();
  }

  get wantsCompaction(): boolean {
    return this.#totalBytes > this.bounds.totalBytes || this.#segmentCount > MAX_SEGMENTS;
  }

  /** Replaces all segments by one with these entries. When it fails, the old ones are still there. */
  async compact(entries: Iterable<Entry>): Promise<void> {
    const old = await this.#segments();
    await this.#end();
    const text = Buffer.from([...entries].map((entry) => entry.line).join(''));
    await writeFileAtomic(this.#path(this.#segment + 1), text);
    this.#segment += 1;
    for (const segment of old) await rm(this.#path(segment), { force: true });
    this.#totalBytes = text.length;
    this.#segmentCount = 1;
  }

  async close(): Promise<void> {
    await this.#end();
  }

  async #begin(): Promise<FileHandle> {
    const file = await open(this.#path(this.#segment + 1), 'ax', 0o600);
    this.#segment += 1;
    this.#segmentBytes = 0;
    this.#segmentCount += 1;
    await syncDirectory(this.directory);
    return file;
  }

  async #end(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.close();
  }

  /** Takes a half-written append back; if even that fails, what it left is a torn last line of a closed segment. */
  async #undo(): Promise<void> {
    try {
      await this.#file?.truncate(this.#segmentBytes);
    } catch {
      await this.#end().catch(() => undefined);
    }
  }

  async #segments(): Promise<number[]> {
    const names = await readdir(this.directory);
    return names
      .map((name) => Number(/^(\d{8})\.jsonl$/.exec(name)?.[1]))
      .filter((segment) => segment > 0)
      .toSorted((a, b) => a - b);
  }

  #path(segment: number): string {
    return join(this.directory, `${String(segment).padStart(8, '0')}.jsonl`);
  }

  async #ringId(renew: boolean): Promise<string> {
    const path = join(this.directory, 'ring.json');
    const known = renew ? null : ringIn(await readIfExists(path));
    if (known !== null) return known;
    const ring = randomUUID();
    await writeFileAtomic(path, `${JSON.stringify({ ring })}\n`);
    return ring;
  }
}

function ringIn(bytes: Buffer | null): string | null {
  try {
    const value: unknown = JSON.parse(bytes?.toString('utf8') ?? '');
    return isRecord(value) && typeof value['ring'] === 'string' ? value['ring'] : null;
  } catch {
    return null;
  }
}

function readMessage(line: string): Message | null {
  try {
    const value: unknown = JSON.parse(line);
    const whole =
      isRecord(value) &&
      typeof value['sequence'] === 'number' &&
      typeof value['fingerprint'] === 'string' &&
      typeof value['startsAt'] === 'string' &&
      isRecord(value['labels']);
    return whole ? (value as unknown as Message) : null;
  } catch {
    return null;
  }
}
