// Answers every request on the port of its first argument.
import { createServer } from 'node:http';

createServer((_request, response) => response.end('yes')).listen(Number(process.argv[2]), '127.0.0.1');
