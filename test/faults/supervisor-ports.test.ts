import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { portIsFree } from '../../src/drivers/local/ports/port-is-free.js';
import { PortRegistry } from '../../src/drivers/local/ports/port-registry.js';
import { tempDir } from '../support/temp-dir.js';

async function listen(port: number, host: string): Promise<Server> {
  const server = createServer().listen(port, host);
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return server;
}

describe('ports of local programs', () => {
  it('are distinct, outside the ephemeral range, free, and the same after a restart', async () => {
    const stateDir = await tempDir();
    const first = new PortRegistry({ stateDir });
    const names = Array.from({ length: 20 }, (_, index) => `program-${index}`);
    const ports = await Promise.all(names.map((name) => first.port(name)));
    expect(new Set(ports).size).toBe(20);
    const [low = 0, high = 0] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8')
      .trim()
      .split(/\s+/)
      .map(Number);
    expect(ports.filter((port) => port >= low && port <= high)).toEqual([]);
    expect(await Promise.all(ports.map(portIsFree))).not.toContain(false);
    const second = new PortRegistry({ stateDir });
    expect(await Promise.all(names.map((name) => second.port(name)))).toEqual(ports);
  });

  it.each(['127.0.0.1', '0.0.0.0'])('are not chosen when somebody listens on them on %s', async (host) => {
    const stateDir = await tempDir();
    const wouldBe = await new PortRegistry({ stateDir }).port('x');
    await new PortRegistry({ stateDir }).release('x');
    await listen(wouldBe, host);
    expect(await portIsFree(wouldBe)).toBe(false);
    expect(await new PortRegistry({ stateDir }).port('x')).not.toBe(wouldBe);
  });

  it('taken later are replaced for good, and the old one is not handed back', async () => {
    const stateDir = await tempDir();
    const registry = new PortRegistry({ stateDir });
    const old = await registry.port('x');
    const replaced = await registry.replace('x');
    expect(replaced).not.toBe(old);
    expect(await registry.port('x')).toBe(replaced);
    expect(await new PortRegistry({ stateDir }).port('x')).toBe(replaced);
  });

  it.each(['{"x": 20', '[]', '{"x": "y"}', '{"x": 20001, "y": 20001}', ''])(
    'survive a corrupt file (%s), which is reported and kept',
    async (content) => {
      const stateDir = await tempDir();
      const file = join(stateDir, 'ports.json');
      writeFileSync(file, content);
      const reports: object[] = [];
      const logger = {
        info: () => undefined,
        warn: () => undefined,
        error: (fields: object) => void reports.push(fields),
      };
      const port = await new PortRegistry({ stateDir, logger }).port('x');
      expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ x: port });
      expect(reports).toEqual([expect.objectContaining({ file })]);
      expect(readFileSync(`${file}.corrupt`, 'utf8')).toBe(content);
    },
  );

  it('run out with an error that names the range', async () => {
    const stateDir = await tempDir();
    const range = { first: 21_500, last: 21_500 };
    const registry = new PortRegistry({ stateDir, range });
    await registry.port('x').catch(() => undefined);
    await expect(registry.port('y')).rejects.toMatchObject({ code: 'no-free-port' });
    expect(existsSync(join(stateDir, 'ports.json'))).toBe(true);
  });
});
