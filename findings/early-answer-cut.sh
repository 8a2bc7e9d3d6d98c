#!/usr/bin/env bash
# @hono/node-server 2.1.8 closes the connection 500 ms after it has answered a request whose body still arrives.
# A client that reads the answer only after it has sent all (as Python's http.client does) then meets a broken pipe and
# never sees the refusal. With autoCleanupIncoming: false Node reads on by itself, and the client gets its answer.
# Seen, of twelve parts sent a tenth of a second apart: by default four or five are taken, then the connection is closed; with the
# option off all 12.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund hono@4.13.19 @hono/node-server@2.1.8 >/dev/null
cat > run.mjs <<'JS'
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';

const app = new Hono();
app.post('/', (c) => c.text('too large', 413));

/** Twelve parts, a tenth of a second apart. Answers how many the client could send before the connection was closed. */
function sendSlowly(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 12000\r\n\r\n');
    let sent = 0;
    const timer = setInterval(() => {
      socket.write('x'.repeat(1000));
      if (++sent === 12) end();
    }, 100);
    const end = () => {
      clearInterval(timer);
      socket.destroy();
      resolve(sent);
    };
    socket.on('error', end);
    socket.on('end', end);
    socket.resume();
  });
}

async function look(options) {
  const server = createServer(getRequestListener(app.fetch, options));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const seen = await sendSlowly(server.address().port);
  server.close();
  server.closeAllConnections();
  return seen;
}

const seen = { default: await look({}), off: await look({ autoCleanupIncoming: false }) };
console.log(seen);
if (seen.default > 8 || seen.off !== 12) process.exit(1);
JS
node run.mjs
