// A registry that answers a request for an image by the image's name: `s429` with that status, `page` with a web page.
import { createServer } from 'node:http';

const codes = { 401: 'UNAUTHORIZED', 403: 'DENIED', 404: 'MANIFEST_UNKNOWN', 429: 'TOOMANYREQUESTS' };

const server = createServer((request, response) => {
  const [, name = ''] = /^\/v2\/(\w+)\//.exec(request.url ?? '') ?? [];
  const status = Number(/\d{3}/.exec(name)?.[0] ?? 200);
  const page = name === 'page' ? '<html>Log in to this network.</html>' : undefined;
  const message = name.endsWith('full') ? 'write /x: no space left on device' : 'words';
  const errors = [{ code: codes[status] ?? 'UNKNOWN', message }];
  const body = page ?? (status === 200 ? '{}' : JSON.stringify({ errors }));
  response.writeHead(status, {
    'content-type': page === undefined ? 'application/json' : 'text/html',
    'content-length': body.length,
  });
  response.end(request.method === 'HEAD' ? undefined : body);
});

server.listen(0, '127.0.0.1', () =>
  process.stdout.write(`listening on 127.0.0.1:${server.address().port}\n`),
);
