#!/usr/bin/env bash
# dockerode 5.0.1 sends the options of a container's attach twice: as the query that the API wants, and as a JSON body that
# it does not know. Docker ignores the body. Podman 4.3.1 takes what follows the upgrade for input, so that the output
# of a container with a terminal begins with that JSON. `_query` with an empty `_body` sends no body.
# Seen: POST /containers/c/attach?stream=true&stdout=true with the body {"stream":true,"stdout":true}; with _query and
# _body, the same query and an empty body.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund dockerode@5.0.1 >/dev/null
cat >run.cjs <<'JS'
const http = require('node:http');
const Docker = require('dockerode');

const server = http.createServer((request, response) => {
  let body = '';
  request.on('data', (chunk) => (body += chunk));
  request.on('end', () => {
    console.log(`${request.method} ${request.url} body=${body}`);
    response.end();
  });
});
server.listen('./socket', async () => {
  const container = new Docker({ socketPath: './socket' }).getContainer('c');
  await container.attach({ stream: true, stdout: true }).catch(() => undefined);
  await container.attach({ _query: { stream: true, stdout: true }, _body: {} }).catch(() => undefined);
  server.close();
  server.closeAllConnections();
});
JS
seen=$(node run.cjs)
echo "$seen"
test "$seen" = 'POST /containers/c/attach?stream=true&stdout=true body={"stream":true,"stdout":true}
POST /containers/c/attach?stream=true&stdout=true body='
