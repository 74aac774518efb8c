import { createHash } from 'node:crypto';
import { DomainError } from '../../errors.js';

export const IDEMPOTENCY_KIND = 'idempotency-key';
/** How long a key stands for its first request. */
export const IDEMPOTENCY_TTL_MS = 24 * 3_600_000;

/** What a repetition of the request gets. */
export interface RecordedAnswer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/**
 * What is known about a key, as stored.
 *
 * - `running`: a handler has begun and has created nothing.
 * - `created`: what it creates is in the store; written in the same transaction as that object.
 * - `completed`: with the answer, written before the answer is sent.
 */
export interface IdempotencyRecord {
  method: string;
  path: string;
  phase: 'running' | 'created' | 'completed';
  /** Sealed: a hash of the body would let secrets in it be guessed. */
  fingerprint: string;
  /** RFC 3339. */
  startedAt: string;
  created: { kind: string; id: string } | null;
  answer: RecordedAnswer | null;
}

/** A request with the header, as far as keys are concerned. */
export interface KeyedRequest {
  subject: string;
  method: string;
  /** Without the query. */
  path: string;
  key: string;
  /** Of the query and the body; see `fingerprintOf`. */
  fingerprint: string;
  /** How the route answers when it has created something. */
  status: number;
  etag: boolean;
  /** Members of the answer that no repetition shows. */
  secretMembers: string[];
}

/** @throws DomainError `malformed-idempotency-key` */
export function checkKey(key: string | string[]): string {
  if (typeof key === 'string' && /^[\x20-\x7e]{1,255}$/.test(key)) return key;
  throw new DomainError({
    category: 'malformed',
    code: 'malformed-idempotency-key',
    detail:
      'The header Idempotency-Key must hold 1 to 255 printable ASCII characters. Use one new random text, e.g. a UUID, for each thing to create.',
  });
}

/** One record for each principal, method, path and key. */
export function recordId({ subject, method, path, key }: KeyedRequest): string {
  return sha256(JSON.stringify([subject, method, path, key]));
}

/** The same for bodies that are equal as JSON, whatever the order of their members. */
export function fingerprintOf(query: unknown, body: unknown): string {
  return sha256(JSON.stringify([canonical(query), Buffer.isBuffer(body) ? sha256(body) : canonical(body)]));
}

function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return { members: members.map(([name, member]) => [name, canonical(member)]) };
}

function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

/** The body with `null` for members that are shown once only. */
export function withoutSecrets(body: string, members: string[]): string {
  if (members.length === 0 || body === '') return body;
  const document = JSON.parse(body) as Record<string, unknown>;
  for (const member of members) if (Object.hasOwn(document, member)) document[member] = null;
  return JSON.stringify(document);
}

export function keyReused(): DomainError {
  return new DomainError({
    category: 'invalid',
    code: 'idempotency-key-reused',
    detail:
      'This Idempotency-Key was sent with another body or query before. Send the first request again, or use a new key.',
  });
}

export function inProgress(): DomainError {
  return new DomainError({
    category: 'conflict',
    code: 'in-progress',
    detail: 'The first request with this Idempotency-Key is still running. Send it again in a moment.',
    retryAfter: 1,
  });
}

export function answerLost({ kind, id }: { kind: string; id: string }): DomainError {
  return new DomainError({
    category: 'conflict',
    code: 'answer-lost',
    detail: `The first request with this Idempotency-Key created the ${kind} "${id}", which has been removed since. Use a new key to create another.`,
  });
}
