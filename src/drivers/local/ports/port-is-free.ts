import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Whether TCP and UDP on 127.0.0.1 can be listened on now, by trying. */
export async function portIsFree(port: number): Promise<boolean> {
  return (await tcpIsFree(port)) && (await udpIsFree(port));
}

async function tcpIsFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    const listening = once(server, 'listening');
    server.listen({ port, host: '127.0.0.1', exclusive: true });
    await listening;
    const closed = once(server, 'close');
    server.close();
    await closed;
    return true;
  } catch {
    return false;
  }
}

async function udpIsFree(port: number): Promise<boolean> {
  const socket = createSocket('udp4');
  try {
    const listening = once(socket, 'listening');
    socket.bind({ port, address: '127.0.0.1', exclusive: true });
    await listening;
    return true;
  } catch {
    return false;
  } finally {
    socket.close();
  }
}
