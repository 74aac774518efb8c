import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { tempDir } from '../support/temp-dir.js';

const compiled = (path: string): string => new URL(`../../dist/platform/${path}.js`, import.meta.url).href;

/** Opens the key file and both CAs as a starting gateway does, and prints what it got. */
const SCRIPT = `
  const [keyFile, authority, data] = process.argv.slice(1);
  const { openKeyFile } = await import(keyFile);
  const { LocalCertificateAuthority } = await import(authority);
  const sealer = await openKeyFile({ file: data + '/secrets.key', mayCreate: true });
  const certificates = new LocalCertificateAuthority({ directory: data + '/tls', sealer });
  const request = { commonName: 'gateway', usages: ['client'] };
  const { ca } = await certificates.issue('components', request);
  console.log(JSON.stringify([sealer.keyId, ca, await certificates.trustBundle('agents')]));
`;

it('processes that start at once agree on one key file and one pair of CAs', async () => {
  const data = await tempDir();
  const start = async (): Promise<string> => {
    const script = ['--input-type=module', '-e', SCRIPT];
    const paths = [compiled('secrets/key-file'), compiled('tls/local-certificate-authority'), data];
    return (await promisify(execFile)(process.execPath, [...script, ...paths], { timeout: 30_000 })).stdout;
  };
  const answers = await Promise.all(Array.from({ length: 6 }, start));
  expect(new Set(answers).size).toBe(1);
  expect(answers[0]).toContain('BEGIN CERTIFICATE');
  expect((await readdir(data)).toSorted()).toEqual(['secrets.key', 'tls']);
  expect((await readdir(join(data, 'tls'))).toSorted()).toEqual(['agents', 'components']);
});
