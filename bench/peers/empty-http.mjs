// The least that a Node process which answers one probe costs.
import http from 'node:http';

const server = http.createServer((_request, response) => response.end('ok\n'));
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${server.address().port}` })}\n`);
});
process.once('SIGTERM', () => process.exit(0));
