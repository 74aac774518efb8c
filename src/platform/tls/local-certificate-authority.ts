import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SystemClock, type Clock } from '../clock.js';
import { DomainError } from '../errors.js';
import { syncDirectory, temporaryName, writeFileAtomic } from '../files/atomic-file.js';
import { errnoOf, fileError } from '../files/file-error.js';
import { ensurePrivateDirectory } from '../files/private-directory.js';
import type { Sealer } from '../secrets/sealer.js';
import { encodeAuthority, readAuthority, type Authority } from './authority-file.js';
import { checkRequest } from './certificate-request.js';
import {
  Certificates,
  type CertificateBundle,
  type CertificateRequest,
  type IssuerName,
} from './certificates.js';

export interface LocalCertificateAuthorityOptions {
  /** Holds the CAs and nothing else, e.g. `<dataDir>/tls`. */
  directory: string;
  sealer: Sealer;
  clock?: Clock;
  /** `false` where CAs must exist already: a lost directory is then reported, not replaced. Default `true`. */
  mayCreate?: boolean;
}

const DAY = 24 * 60 * 60 * 1000;
const LEAF_LIFETIME = 30 * DAY;
const CA_LIFETIME = 3652 * DAY;
/** Certificates start this much in the past, for clocks that are behind. */
const BACKDATING = 5 * 60 * 1000;

const ISSUERS: readonly IssuerName[] = ['components', 'agents'];

/**
 * The local adapter: a CA per issuer in files, made on first use. Both CAs appear at once (a directory that is renamed
 * into place), so a directory that lacks one has lost it, which is an error; a CA is never replaced silently.
 */
export class LocalCertificateAuthority extends Certificates {
  readonly #directory: string;
  readonly #sealer: Sealer;
  readonly #clock: Clock;
  readonly #mayCreate: boolean;
  readonly #loading = new Map<IssuerName, Promise<Authority>>();

  constructor(options: LocalCertificateAuthorityOptions) {
    super();
    this.#directory = options.directory;
    this.#sealer = options.sealer;
    this.#clock = options.clock ?? new SystemClock();
    this.#mayCreate = options.mayCreate ?? true;
  }

  override async trustBundle(issuer: IssuerName): Promise<string> {
    return (await this.#authority(issuer)).certificate;
  }

  override async issue(issuer: IssuerName, request: CertificateRequest): Promise<CertificateBundle> {
    checkRequest(issuer, request);
    const authority = await this.#authority(issuer);
    const now = this.#clock.now();
    if (authority.notAfter <= now) throw this.#expired(issuer, authority);
    const notAfter = wholeSecond(Math.min(now + (request.ttl ?? LEAF_LIFETIME), authority.notAfter));
    const { issueLeaf } = await import('./x509-builder.js');
    const leaf = await issueLeaf(authority, request, { notBefore: wholeSecond(now - BACKDATING), notAfter });
    return { ...leaf, ca: authority.certificate, notAfter: notAfter.toISOString() };
  }

  async #authority(issuer: IssuerName): Promise<Authority> {
    let loading = this.#loading.get(issuer);
    if (loading === undefined) {
      loading = this.#load(issuer);
      this.#loading.set(issuer, loading);
      // A failure is told to whoever asked; the next one tries again.
      loading.catch(() => this.#loading.delete(issuer));
    }
    return loading;
  }

  async #load(issuer: IssuerName): Promise<Authority> {
    const file = this.#file(this.#directory, issuer);
    const existing = await readAuthority(file, issuer, this.#sealer);
    if (existing !== undefined) return existing;
    if (!this.#mayCreate || !(await isEmpty(this.#directory))) {
      // Another process may have renamed its directory into place since the first look.
      const appeared = await readAuthority(file, issuer, this.#sealer);
      if (appeared !== undefined) return appeared;
      throw this.#lost(file);
    }
    await this.#create();
    const created = await readAuthority(file, issuer, this.#sealer);
    if (created === undefined) throw this.#lost(file);
    return created;
  }

  /** Both CAs, or those of another process that was faster. */
  async #create(): Promise<void> {
    const { createAuthority } = await import('./x509-builder.js');
    const now = this.#clock.now();
    const validity = { notBefore: wholeSecond(now - BACKDATING), notAfter: wholeSecond(now + CA_LIFETIME) };
    await ensurePrivateDirectory(dirname(this.#directory));
    const temporary = temporaryName(this.#directory);
    try {
      await mkdir(temporary, { mode: 0o700 });
      for (const issuer of ISSUERS) {
        const ca = await createAuthority(issuer, validity);
        const file = this.#file(temporary, issuer);
        await mkdir(dirname(file), { mode: 0o700 });
        await writeFileAtomic(file, encodeAuthority(issuer, ca, this.#sealer));
      }
      await syncDirectory(temporary);
      await rename(temporary, this.#directory);
      await syncDirectory(dirname(this.#directory));
    } catch (error) {
      await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
      const errno = errnoOf(error);
      if (errno === 'ENOTEMPTY' || errno === 'EEXIST') return;
      throw fileError(error, 'create the CAs in', this.#directory);
    }
  }

  #file(directory: string, issuer: IssuerName): string {
    return join(directory, issuer, 'ca.json');
  }

  #lost(file: string): DomainError {
    return new DomainError({
      category: 'internal',
      code: 'ca-missing',
      detail:
        `The CA file ${file} is missing, and a new CA would be trusted by no one who trusts the old one. ` +
        `Restore the file from a backup. To start over with new CAs on purpose, move ${this.#directory} away.`,
    });
  }

  #expired(issuer: IssuerName, authority: Authority): DomainError {
    return new DomainError({
      category: 'internal',
      code: 'ca-expired',
      detail:
        `The CA of the issuer "${issuer}" ended at ${new Date(authority.notAfter).toISOString()}. ` +
        `Check the clock; if it is right, move ${this.#directory} away so that new CAs are made.`,
    });
  }
}

/** Certificates know no fractions of a second. */
function wholeSecond(milliseconds: number): Date {
  return new Date(Math.floor(milliseconds / 1000) * 1000);
}

async function isEmpty(directory: string): Promise<boolean> {
  try {
    return (await readdir(directory)).length === 0;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return true;
    throw fileError(error, 'read the directory', directory);
  }
}
