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

function tooLarge(limit: number): RequestError {
  return new RequestError(413, 'too-large', `The body is larger than ${limit} bytes.`);
}

function cutShort(): RequestError {
  return new RequestError(400, 'malformed', 'The connection ended before the whole body had arrived.');
}
