import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 200;

export interface LockOptions {
  signal?: AbortSignal | undefined;
  /** Called about every `reportEvery` milliseconds while another holder works, with the milliseconds waited so far. */
  onWait: (waited: number) => void;
  reportEvery: number;
}

/**
 * Runs `work` while no other process of this machine (and no other call of this one) does so for the same directory.
 *
 * The lock is a listening socket in Linux's abstract namespace, named after the directory's device and inode: binding it is atomic, there is no
 * file to be left behind, and the kernel frees it with its holder, however that ends. Containers with networks of their own do not see
 * each other's; what they install meets in an atomic rename.
 * @throws the signal's reason when it is aborted while waiting
 */
export async function withDirectoryLock<T>(
  directory: string,
  options: LockOptions,
  work: () => Promise<T>,
): Promise<T> {
  const { dev, ino } = await stat(directory, { bigint: true });
  const key = createHash('sha256').update(`${dev}:${ino}`).digest('hex').slice(0, 32);
  const held = await acquire(`\0opni-components-${key}`, options);
  try {
    return await work();
  } finally {
    await new Promise((resolve) => held.close(resolve));
  }
}

async function acquire(name: string, { signal, onWait, reportEvery }: LockOptions): Promise<Server> {
  const since = performance.now();
  let reported = -Infinity;
  for (;;) {
    signal?.throwIfAborted();
    const server = await tryListen(name);
    if (server) return server;
    const now = performance.now();
    if (now - reported >= reportEvery) {
      reported = now;
      onWait(now - since);
    }
    await delay(POLL_MS, undefined, signal ? { signal } : {}).catch(() => signal?.throwIfAborted());
  }
}

/** `undefined` when somebody else has it. */
async function tryListen(name: string): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy());
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(name, () => resolve(server));
  });
}
