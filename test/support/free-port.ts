import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** A loopback port that nothing listens on, outside the range from which the kernel takes ports for connections. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000);
    const server = createServer();
    server.listen(port, '127.0.0.1');
    try {
      await once(server, 'listening');
    } catch {
      // Taken; any other one will do.
      continue;
    }
    server.close();
    await once(server, 'close');
    return port;
  }
}
