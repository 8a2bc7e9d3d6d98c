#!/usr/bin/env bash
# dockerode 5.0.1 (docker-modem 5): a hijacked attach whose options are all in the query has no body, and then its first bytes
# are not those of the caller. With `hijack` the library announces a chunked body and ends it, so that the end of that body
# follows the head: an engine that takes the connection as a raw one reads five bytes that nobody wrote to the container's
# input. With `openStdin` as well, as `attach` sets it, nothing is sent at all, not even the head: the request waits for a first
# write that its caller can make only after the answer. With an empty buffer as the body (`file`) exactly the head is sent.
# Seen, as what is sent: head and 5 bytes; nothing; head and 0 bytes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund dockerode@5.0.1 >/dev/null
cat >run.cjs <<'JS'
const net = require('node:net');
const Docker = require('dockerode');

const { modem } = new Docker({ socketPath: './socket' });
const query = { path: '/containers/c/attach?', method: 'POST', isStream: true, hijack: true };
const options = { _query: { stream: true, stdin: true }, _body: {} };

/** What the engine has got of one request a second after it was made. */
async function sent(more) {
  let seen = '';
  const server = net.createServer((socket) => {
    socket.on('data', (data) => (seen += data));
    socket.on('error', () => undefined);
  });
  await new Promise((resolve) => server.listen('./socket', resolve));
  modem.dial({ ...query, options, ...more }, () => undefined);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  server.close();
  const end = seen.indexOf('\r\n\r\n');
  return end < 0 ? 'nothing' : `head and ${seen.length - end - 4} bytes`;
}

(async () => {
  for (const more of [{}, { openStdin: true }, { file: Buffer.alloc(0) }]) console.log(await sent(more));
  process.exit();
})();
JS
seen=$(node run.cjs)
echo "$seen"
test "$seen" = 'head and 5 bytes
nothing
head and 0 bytes'
