import type { Server } from 'node:net';

interface HttpLike extends Server {
  closeIdleConnections(): void;
  closeAllConnections(): void;
}

/** Stops accepting, lets running requests end for at most `grace` milliseconds, then cuts what is left. */
export async function closeServer(server: HttpLike, grace: number): Promise<void> {
  if (!server.listening) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), grace);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}

/** Resolves when the server listens. @throws an error that names the address */
export function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'another process uses it' : error.message;
      reject(new Error(`The companion cannot listen on ${host}:${port}: ${why}.`));
    });
    server.listen(port, host, () => resolve());
  });
}
