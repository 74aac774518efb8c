import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { DomainError } from '../errors.js';
import { Sealer } from './sealer.js';

export interface SealingKey {
  /** First 8 hex digits of the key's sha256. */
  id: string;
  /** 32 bytes. */
  secret: Buffer;
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const SEALED = /^sealed:v1:([0-9a-f]{8}):([A-Za-z0-9_-]+)$/;
const CIPHER = 'aes-256-gcm';

/** Whether a text has the form that `Sealer.seal` gives; whether it opens is for the sealer to say. */
export function looksSealed(text: string): boolean {
  return SEALED.test(text);
}

/** Seals with the first key and opens with any, so that a key can be replaced before everything is sealed anew. */
export class KeyFileSealer extends Sealer {
  override readonly keyId: string;
  readonly #sealing: SealingKey;
  readonly #keys: ReadonlyMap<string, SealingKey>;

  /** @param origin where the keys come from, named in errors */
  constructor(
    keys: readonly [SealingKey, ...SealingKey[]],
    private readonly origin: string,
  ) {
    super();
    this.#sealing = keys[0];
    this.keyId = keys[0].id;
    this.#keys = new Map(keys.map((key) => [key.id, key]));
  }

  override seal(plain: string, context: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, this.#sealing.secret, nonce, { authTagLength: TAG_BYTES });
    const prefix = `sealed:v1:${this.keyId}:`;
    cipher.setAAD(Buffer.from(prefix + context, 'utf8'));
    const body = Buffer.concat([nonce, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return prefix + body.toString('base64url');
  }

  override open(sealed: string, context: string): string {
    const [, keyId, encoded] = SEALED.exec(sealed) ?? [];
    if (keyId === undefined || encoded === undefined) {
      throw unreadable(
        `A secret of ${context} is not a sealed text. Restore it from a backup or set it again.`,
      );
    }
    const key = this.#keys.get(keyId);
    if (key === undefined) {
      throw unreadable(
        `A secret of ${context} is sealed with the key ${keyId}, but ${this.origin} holds only ` +
          `${[...this.#keys.keys()].join(', ')}. Add the key ${keyId} to that file as a further line.`,
      );
    }
    const body = Buffer.from(encoded, 'base64url');
    // Decoding is lenient about the last character's unused bits; a changed text must not open.
    if (body.length < NONCE_BYTES + TAG_BYTES || body.toString('base64url') !== encoded)
      throw changed(context);
    const decipher = createDecipheriv(CIPHER, key.secret, body.subarray(0, NONCE_BYTES), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(Buffer.from(`sealed:v1:${keyId}:${context}`, 'utf8'));
    decipher.setAuthTag(body.subarray(-TAG_BYTES));
    try {
      return Buffer.concat([
        decipher.update(body.subarray(NONCE_BYTES, -TAG_BYTES)),
        decipher.final(),
      ]).toString('utf8');
    } catch {
      throw changed(context);
    }
  }
}

function changed(context: string): DomainError {
  return unreadable(
    `A sealed secret of ${context} does not open: it was changed, cut, or copied from another object. ` +
      'Restore it from a backup or set the secret again.',
  );
}

function unreadable(detail: string): DomainError {
  return new DomainError({ category: 'internal', code: 'secret-unreadable', detail });
}
