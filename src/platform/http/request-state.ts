import type { FastifyRequest } from 'fastify';
import type { Principal } from '../auth/principal.js';
import type { Execution } from './idempotency/execution.js';

/** What our hooks know about a request. */
export interface RequestState {
  principal?: Principal;
  /** `revision` of a PUT body that GET returned. */
  bodyRevision?: number;
  /** While its handler runs under an Idempotency-Key. */
  execution?: Execution;
}

export type OpniRequest = FastifyRequest & { opni: RequestState | null };

/** Made on first use: Fastify wants decorated properties to start as `null`. */
export function requestState(request: FastifyRequest): RequestState {
  const own = request as OpniRequest;
  own.opni ??= {};
  return own.opni;
}
