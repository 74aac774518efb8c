import type { Principal } from './principal.js';

/** Knows which bearer tokens are valid, and whose they are. Compares hashes in constant time. */
export abstract class TokenVerifier {
  /** `undefined` for a token that is not valid (any more). */
  abstract verify(token: string): Principal | undefined | Promise<Principal | undefined>;
}

/** `auth.mode: none` has no tokens. */
export class NoTokens extends TokenVerifier {
  override verify(): undefined {
    return undefined;
  }
}
