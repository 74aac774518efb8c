import http from 'node:http';

/** `/healthz` and `/readyz` for whoever supervises the process; everything else is 404. */
export function probeServer(isReady: () => boolean): http.Server {
  const server = http.createServer({ requestTimeout: 10_000, headersTimeout: 5_000 }, (request, response) => {
    const path = request.url?.split('?')[0];
    const asked = request.method === 'GET' || request.method === 'HEAD';
    const [status, text] =
      asked && path === '/healthz'
        ? [200, 'ok']
        : asked && path === '/readyz'
          ? isReady()
            ? [200, 'ok']
            : [503, 'not ready']
          : [404, 'not found'];
    response.writeHead(status, { 'content-type': 'text/plain', 'content-length': text.length + 1 });
    response.end(`${text}\n`);
    request.resume();
  });
  server.maxConnections = 64;
  return server;
}
