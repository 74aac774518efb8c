import type { IncomingMessage } from 'node:http';
import { RequestError } from './request-error.js';

export const MIB = 1024 * 1024;

/**
 * Reads a whole body of at most `limit` bytes.
 * @throws RequestError 413 as soon as the limit is known to be passed, 400 when the peer went away
 */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLarge(limit);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limit) chunks.push(chunk);
      else {
        request.pause();
        reject(tooLarge(limit));
      }
    });
    request.once('end', () => resolve(Buffer.concat(chunks)));
    request.once('error', () => reject(cutShort()));
    request.once('close', () => reject(cutShort()));
  });
}

/**
 * Throws away what is left of a body, for at most `patience` milliseconds: a peer that is still sending would find its
 * connection broken, and never read the answer.
 */
export async function discardBody(request: IncomingMessage, patience = 5_000): Promise<void> {
  if (request.complete || request.destroyed) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, patience);
    request.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    request.once('end', () => {
      clearTimeout(timer);
      resolve();
    });
    request.resume();
  });
}

function tooLarge(limit: number): RequestError {
  return new RequestError(413, 'too-large', `The body is larger than ${limit} bytes.`);
}

function cutShort(): RequestError {
  return new RequestError(400, 'malformed', 'The connection ended before the whole body had arrived.');
}
