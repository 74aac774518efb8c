import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { request } from 'undici';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SystemClock, type Clock } from '../../src/platform/clock.js';
import { KeyFileSealer } from '../../src/platform/secrets/key-file-sealer.js';
import { ensureCertificateFiles, writeCertificateFiles } from '../../src/platform/tls/certificate-files.js';
import type { CertificateBundle, CertificateRequest } from '../../src/platform/tls/certificates.js';
import { LocalCertificateAuthority } from '../../src/platform/tls/local-certificate-authority.js';
import { mutualTlsClient } from '../../src/platform/tls/mutual-tls-client.js';
import { mutualTlsServerOptions } from '../../src/platform/tls/mutual-tls.js';
import { RenewingMutualTlsClient } from '../../src/platform/tls/renewing-mutual-tls-client.js';
import { tempDir } from '../support/temp-dir.js';

const DAY = 24 * 60 * 60 * 1000;

const SERVER: CertificateRequest = {
  commonName: 'companion',
  dnsNames: ['localhost', 'companion.invalid'],
  ipAddresses: ['127.0.0.1', '::1'],
  usages: ['server', 'client'],
};
const CLIENT: CertificateRequest = { commonName: 'gateway', usages: ['client'] };
const AGENT: CertificateRequest = { commonName: 'agent', uris: ['urn:opni:cluster:01h'], usages: ['client'] };

function newSealer(): KeyFileSealer {
  const secret = randomBytes(32);
  return new KeyFileSealer([{ id: '0123abcd', secret }], 'the test key');
}

async function newAuthority(clock: Clock = new SystemClock()): Promise<LocalCertificateAuthority> {
  return new LocalCertificateAuthority({
    directory: join(await tempDir(), 'tls'),
    sealer: newSealer(),
    clock,
  });
}

class MovableClock extends SystemClock {
  offset = 0;
  override now(): number {
    return super.now() + this.offset;
  }
}

interface Server {
  port: number;
  /** Common names of those whose request was let in. */
  seen: string[];
}

async function startServer(bundle: CertificateBundle): Promise<Server> {
  const seen: string[] = [];
  const server = createServer(mutualTlsServerOptions(bundle), (incoming, response) => {
    const socket = incoming.socket as import('node:tls').TLSSocket;
    seen.push(String(socket.getPeerCertificate().subject.CN));
    response.end(socket.getProtocol());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, seen };
}

async function call(
  server: Server,
  bundle: Partial<CertificateBundle>,
  options: { host?: string; serverName?: string } = {},
): Promise<string> {
  const { host = '127.0.0.1', ...agentOptions } = options;
  const agent = mutualTlsClient(bundle as CertificateBundle, agentOptions);
  try {
    const response = await request(`https://${host}:${server.port}/`, { dispatcher: agent });
    return await response.body.text();
  } finally {
    await agent.destroy();
  }
}

/** With TLS 1.3 a refused client learns of it only when it reads: the server hangs up, with or without an alert. */
async function expectRefused(answer: Promise<string>): Promise<void> {
  const code = /^(UND_ERR_SOCKET|ECONNRESET|EPIPE|ERR_SSL_.*ALERT.*)$/;
  await expect(answer).rejects.toMatchObject({ code: expect.stringMatching(code) });
}

describe('mutual TLS between our own parts', () => {
  it('lets in a client of the same issuer, by IP address and by name, with TLS 1.3', async () => {
    const certificates = await newAuthority();
    const server = await startServer(await certificates.issue('components', SERVER));
    const client = await certificates.issue('components', CLIENT);
    expect(await call(server, client)).toBe('TLSv1.3');
    expect(await call(server, client, { host: 'localhost' })).toBe('TLSv1.3');
    expect(await call(server, client, { serverName: 'companion.invalid' })).toBe('TLSv1.3');
    expect(server.seen).toEqual(['gateway', 'gateway', 'gateway']);
  });

  it("refuses an agent's certificate where components are expected, and the other way round", async () => {
    const certificates = await newAuthority();
    const components = await startServer(await certificates.issue('components', SERVER));
    const agent = await certificates.issue('agents', AGENT);
    const client = await certificates.issue('components', CLIENT);
    await expectRefused(call(components, { ...agent, ca: client.ca }));
    // The agent API: a certificate of ours, trust in agents.
    const agentApi = await startServer({ ...(await certificates.issue('components', SERVER)), ca: agent.ca });
    await expectRefused(call(agentApi, client));
    expect([...components.seen, ...agentApi.seen]).toEqual([]);
    expect(await call(components, client)).toBe('TLSv1.3');
    expect(await call(agentApi, { ...agent, ca: client.ca })).toBe('TLSv1.3');
  });

  it('refuses a client without a certificate, of a stranger, or with a server-only certificate', async () => {
    const certificates = await newAuthority();
    const server = await startServer(await certificates.issue('components', SERVER));
    const ca = await certificates.trustBundle('components');
    const stranger = await (await newAuthority()).issue('components', CLIENT);
    const serverOnly = await certificates.issue('components', { ...SERVER, usages: ['server'] });
    await expectRefused(call(server, { ca }));
    await expectRefused(call(server, { ...stranger, ca }));
    await expectRefused(call(server, serverOnly));
    expect(server.seen).toEqual([]);
    expect(await call(server, await certificates.issue('components', CLIENT))).toBe('TLSv1.3');
  });

  it('refuses a server of a stranger, for another address or name, or with a client certificate', async () => {
    const certificates = await newAuthority();
    const client = await certificates.issue('components', CLIENT);
    const stranger = await startServer(await (await newAuthority()).issue('components', SERVER));
    await expect(call(stranger, client)).rejects.toThrow(/self.signed|signature|issuer/i);
    const elsewhere = await startServer(
      await certificates.issue('components', { ...SERVER, ipAddresses: ['127.0.0.2'] }),
    );
    await expect(call(elsewhere, client)).rejects.toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
    await expect(call(elsewhere, client, { serverName: 'other.invalid' })).rejects.toMatchObject({
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    });
    const clientOnly = await startServer(
      await certificates.issue('components', { ...SERVER, usages: ['client'] }),
    );
    await expect(call(clientOnly, client)).rejects.toThrow(/purpose/);
    expect([...stranger.seen, ...elsewhere.seen, ...clientOnly.seen]).toEqual([]);
  });

  it('refuses an expired certificate', async () => {
    const clock = new MovableClock();
    const certificates = await newAuthority(clock);
    const server = await startServer(await certificates.issue('components', SERVER));
    clock.offset = -DAY;
    const expired = await certificates.issue('components', { ...CLIENT, ttl: DAY / 2 });
    await expectRefused(call(server, expired));
    expect(server.seen).toEqual([]);
    const valid = await certificates.issue('components', { ...CLIENT, ttl: DAY * 2 });
    expect(await call(server, valid)).toBe('TLSv1.3');
  });

  it('renews its client certificate when two thirds of its life are over', async () => {
    const clock = new MovableClock();
    const certificates = await newAuthority();
    const server = await startServer(await certificates.issue('components', SERVER));
    const client = new RenewingMutualTlsClient({
      certificates,
      issuer: 'components',
      request: CLIENT,
      clock,
    });
    onTestFinished(() => client.close());
    const [first, same] = await Promise.all([client.dispatcher(), client.dispatcher()]);
    expect(same).toBe(first);
    clock.offset = 19 * DAY;
    expect(await client.dispatcher()).toBe(first);
    clock.offset = 21 * DAY;
    const second = await client.dispatcher();
    expect(second).not.toBe(first);
    const response = await request(`https://127.0.0.1:${server.port}/`, { dispatcher: second });
    expect(await response.body.text()).toBe('TLSv1.3');
    await client.close();
    await expect(client.dispatcher()).rejects.toThrow(/closed/);
  });
});

describe('certificates that other programs read', () => {
  it('are verified by openssl, names and purposes included', async (context) => {
    if (spawnSync('openssl', ['version']).status !== 0) context.skip('openssl is not on PATH');
    const certificates = await newAuthority();
    const paths = await writeCertificateFiles(
      await tempDir(),
      await certificates.issue('components', SERVER),
    );
    const agentPaths = await writeCertificateFiles(
      await tempDir(),
      await certificates.issue('agents', AGENT),
    );
    const verify = (...options: string[]): string => {
      const { stdout, stderr } = spawnSync('openssl', ['verify', '-x509_strict', ...options], {
        encoding: 'utf8',
      });
      return stdout + stderr;
    };
    const { caFile, certificateFile } = paths;
    for (const purpose of ['sslserver', 'sslclient']) {
      expect(verify('-CAfile', caFile, '-purpose', purpose, certificateFile)).toContain(': OK');
    }
    expect(verify('-CAfile', caFile, '-verify_ip', '127.0.0.1', certificateFile)).toContain(': OK');
    expect(verify('-CAfile', caFile, '-verify_ip', '127.0.0.9', certificateFile)).toContain('mismatch');
    expect(
      verify('-CAfile', agentPaths.caFile, '-purpose', 'sslclient', agentPaths.certificateFile),
    ).toContain(': OK');
    expect(
      verify('-CAfile', agentPaths.caFile, '-purpose', 'sslserver', agentPaths.certificateFile),
    ).not.toContain(': OK');
    expect(verify('-CAfile', caFile, agentPaths.certificateFile)).not.toContain(': OK');
    const text = spawnSync('openssl', ['x509', '-in', certificateFile, '-noout', '-text'], {
      encoding: 'utf8',
    }).stdout;
    for (const part of [
      'CA:FALSE',
      'Digital Signature',
      'DNS:companion.invalid',
      'IP Address:127.0.0.1',
      'Authority Key',
    ]) {
      expect(text).toContain(part);
    }
  });

  it('are written once, private, and only again when something changed', async () => {
    const certificates = await newAuthority();
    const directory = join(await tempDir(), 'member');
    const options = { directory, issuer: 'components', request: SERVER } as const;
    const first = await ensureCertificateFiles(certificates, options);
    expect(first.changed).toBe(true);
    for (const name of await readdir(directory)) {
      expect((await stat(join(directory, name))).mode & 0o777).toBe(0o600);
    }
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    const again = await ensureCertificateFiles(certificates, options);
    expect(again).toMatchObject({ changed: false, bundle: { certificate: first.bundle.certificate } });
    const server = await startServer(again.bundle);
    expect(await call(server, again.bundle)).toBe('TLSv1.3');
  });

  it.each<[string, CertificateRequest]>([
    ['another address', { ...SERVER, ipAddresses: ['127.0.0.1'] }],
    ['another name', { ...SERVER, dnsNames: ['localhost'] }],
    ['another common name', { ...SERVER, commonName: 'other' }],
    ['another usage', { ...SERVER, usages: ['server'] }],
    ['a URI', { ...SERVER, uris: ['spiffe://opni/companion'] }],
  ])('are issued anew for %s', async (_, changed) => {
    const certificates = await newAuthority();
    const directory = await tempDir();
    await ensureCertificateFiles(certificates, { directory, issuer: 'components', request: SERVER });
    const options = { directory, issuer: 'components', request: changed } as const;
    expect((await ensureCertificateFiles(certificates, options)).changed).toBe(true);
    expect((await ensureCertificateFiles(certificates, options)).changed).toBe(false);
  });

  it('are issued anew when two thirds are over, when damaged, and for another CA', async () => {
    const clock = new MovableClock();
    const certificates = await newAuthority();
    const directory = await tempDir();
    const options = { directory, issuer: 'components', request: SERVER, clock } as const;
    const { keyFile, certificateFile } = await ensureCertificateFiles(certificates, options);
    clock.offset = 21 * DAY;
    expect((await ensureCertificateFiles(certificates, options)).changed).toBe(true);
    clock.offset = 0;
    await writeFile(certificateFile, 'damaged');
    expect((await ensureCertificateFiles(certificates, options)).changed).toBe(true);
    // A crash between two files: the key of another certificate.
    await writeFile(keyFile, (await certificates.issue('components', SERVER)).key);
    expect((await ensureCertificateFiles(certificates, options)).changed).toBe(true);
    const other = await newAuthority();
    const replaced = await ensureCertificateFiles(other, options);
    expect(replaced.bundle.ca).toBe(await other.trustBundle('components'));
    expect(await call(await startServer(replaced.bundle), replaced.bundle)).toBe('TLSv1.3');
  });
});

describe('the CA directory', () => {
  it('keeps the same CAs over a restart, private, their keys sealed', async () => {
    const directory = join(await tempDir(), 'data', 'tls');
    const sealer = newSealer();
    const before = await new LocalCertificateAuthority({ directory, sealer }).issue('components', CLIENT);
    const after = await new LocalCertificateAuthority({ directory, sealer, mayCreate: false }).issue(
      'components',
      CLIENT,
    );
    expect(after.ca).toBe(before.ca);
    expect(await new LocalCertificateAuthority({ directory, sealer }).trustBundle('agents')).not.toBe(
      before.ca,
    );
    expect(await readdir(join(directory, '..'))).toEqual(['tls']);
    for (const issuer of ['components', 'agents']) {
      const file = join(directory, issuer, 'ca.json');
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      const text = await readFile(file, 'utf8');
      expect(text).not.toContain('PRIVATE KEY');
      expect(text).toContain('sealed:v1:');
    }
  });

  it('never replaces a CA that is missing, damaged, mixed up, or sealed with another key', async () => {
    const directory = join(await tempDir(), 'tls');
    const sealer = newSealer();
    const open = (key = sealer): Promise<string> =>
      new LocalCertificateAuthority({ directory, sealer: key }).trustBundle('components');
    const certificate = await open();
    const file = join(directory, 'components', 'ca.json');
    const good = await readFile(file, 'utf8');
    const agents = await readFile(join(directory, 'agents', 'ca.json'), 'utf8');

    for (const bad of ['', '{', '[]', 'null', '{}', agents, good.replace(/MII[\w+/]{20}/, 'MIIx')]) {
      await writeFile(file, bad);
      await expect(open()).rejects.toMatchObject({ code: 'file-corrupt' });
      await expect(open()).rejects.toThrow(file);
      expect(await readFile(file, 'utf8')).toBe(bad);
    }
    const swapped = { ...JSON.parse(good), certificate: JSON.parse(agents).certificate };
    await writeFile(file, JSON.stringify(swapped));
    await expect(open()).rejects.toThrow(/does not belong to its certificate/);
    await writeFile(file, good);
    const other = new KeyFileSealer([{ id: 'ffffffff', secret: randomBytes(32) }], 'secrets.key');
    await expect(open(other)).rejects.toThrow(/0123abcd/);
    await rm(file);
    await expect(open()).rejects.toMatchObject({ code: 'ca-missing' });
    await writeFile(file, good);
    expect(await open()).toBe(certificate);
    await rm(directory, { recursive: true });
    const locked = new LocalCertificateAuthority({ directory, sealer, mayCreate: false });
    await expect(locked.trustBundle('agents')).rejects.toMatchObject({ code: 'ca-missing' });
    await expect(stat(directory)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('tries again after an error', async () => {
    const parent = await tempDir();
    const directory = join(parent, 'data');
    await writeFile(directory, 'in the way');
    const certificates = new LocalCertificateAuthority({
      directory: join(directory, 'tls'),
      sealer: newSealer(),
    });
    await expect(certificates.trustBundle('components')).rejects.toMatchObject({ code: 'not-a-directory' });
    await rm(directory);
    expect(await certificates.trustBundle('components')).toContain('BEGIN CERTIFICATE');
    await chmod(directory, 0o700);
  });
});
