// A server that only the engine reaches: it prints a line for each connection, and answers every request with words of its own.
import { createServer } from 'node:http';

const body = 'inner-words: root:x:0:0';
const server = createServer((request, response) => {
  const status = request.url === '/v2/' ? 200 : 400; // The engine repeats what comes with such a status.
  response.writeHead(status, { 'content-type': 'text/plain', 'content-length': body.length });
  response.end(request.method === 'HEAD' ? undefined : body);
});
server.on('connection', () => process.stdout.write('asked\n'));

server.listen(0, '127.0.0.1', () =>
  process.stdout.write(`listening on 127.0.0.1:${server.address().port}\n`),
);
