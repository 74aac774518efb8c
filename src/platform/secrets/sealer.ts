/**
 * Seals short texts (secrets, private keys) for storage: AES-256-GCM with a key file that is never in the store
 * or a backup. `context` (e.g. `endpoint/01H…`) is authenticated, so a sealed text copied into another object does not open.
 */
export abstract class Sealer {
  /** Of the key that seals now: first 8 hex digits of its sha256. */
  abstract readonly keyId: string;
  /** `sealed:v1:<keyId>:<base64url(nonce + ciphertext + tag)>` */
  abstract seal(plain: string, context: string): string;
  /** @throws DomainError `secret-unreadable` when the key is another one or the text was changed */
  abstract open(sealed: string, context: string): string;
}
