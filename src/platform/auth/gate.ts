import type { FastifyRequest } from 'fastify';
import type { Settings } from '../configuration/settings.js';
import { DomainError } from '../errors.js';
import type { RouteOptions } from '../http/route-options.js';
import { requestState } from '../http/request-state.js';
import { hostOf, isLoopbackHost } from './loopback.js';
import { ANONYMOUS, type Principal } from './principal.js';
import type { TokenVerifier } from './token-verifier.js';

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * The one door in front of every path, unknown ones included; runs before a body is read. Denies by default: only routes
 * marked `@Public()` are open to strangers. Roles, OIDC and audit belong here.
 */
export class Gate {
  constructor(
    private readonly settings: Pick<Settings, 'auth' | 'cors'>,
    private readonly verifier: TokenVerifier,
  ) {}

  /**
   * Lets a request in or throws; afterwards `requestState(request).principal` is set (except on public routes).
   * Answers a promise only when the verifier does.
   * @throws DomainError `host-not-allowed`, `origin-not-allowed` (forbidden), `unauthenticated`
   */
  admit(request: FastifyRequest): void | Promise<void> {
    if (this.settings.auth.mode === 'none') this.checkHost(request);
    if (!SAFE_METHODS.has(request.method)) this.checkOrigin(request);
    if ((request.routeOptions.config as RouteOptions | undefined)?.public === true && !request.is404) return;
    if (this.settings.auth.mode === 'none') {
      requestState(request).principal = ANONYMOUS;
      return;
    }
    const found = this.verifier.verify(bearerToken(request.headers.authorization));
    if (found instanceof Promise) return found.then((principal) => accept(request, principal));
    accept(request, found);
  }

  /** Without credentials the address is the only protection; a name that was re-bound to it must not pass. */
  private checkHost(request: FastifyRequest): void {
    const host = hostOf(request.headers.host ?? '');
    if (host !== undefined && isLoopbackHost(host)) return;
    throw new DomainError({
      category: 'forbidden',
      code: 'host-not-allowed',
      detail:
        'Without authentication (auth.mode: none) only requests to localhost, 127.0.0.1 or [::1] are answered. Use one of these names, or set auth.mode: token.',
    });
  }

  /** Pages of other origins may not change anything, whatever the browser lets them send. */
  private checkOrigin(request: FastifyRequest): void {
    const { origin, host } = request.headers;
    if (origin === undefined) {
      if (request.headers['sec-fetch-site'] !== 'cross-site') return;
    } else if (this.settings.cors.origins.includes(origin) || isOriginOf(origin, host)) return;
    throw new DomainError({
      category: 'forbidden',
      code: 'origin-not-allowed',
      detail: 'A page of another origin sent this change. Add its origin to cors.origins to allow it.',
    });
  }
}

function isOriginOf(origin: string, host: string | undefined): boolean {
  const match = /^https?:\/\/([^/]+)$/i.exec(origin);
  return match?.[1] !== undefined && match[1].toLowerCase() === host?.toLowerCase();
}

function bearerToken(header: string | undefined): string {
  const token = header === undefined ? undefined : /^bearer +([\x21-\x7e]+) *$/i.exec(header)?.[1];
  if (token !== undefined) return token;
  throw unauthenticated(
    header === undefined
      ? "This path needs a token. Send Authorization: Bearer <token>; the administrator's lies in the data directory, in the file admin-token."
      : 'The Authorization header is not of the form "Bearer <token>".',
  );
}

function accept(request: FastifyRequest, principal: Principal | undefined): void {
  if (!principal) throw unauthenticated('The token is not valid. Use one that this service gave out.');
  requestState(request).principal = principal;
}

function unauthenticated(detail: string): DomainError {
  return new DomainError({ category: 'unauthenticated', code: 'unauthenticated', detail });
}
