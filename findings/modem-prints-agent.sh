#!/usr/bin/env bash
# docker-modem 5.0.7 (below dockerode 5.0.1) builds a text of all options of each request for its debug log, with hidden
# properties and without a bound on depth, whether the log is on or not. The options have the agent, and an agent has the
# sockets and requests that are in work at the moment: so what one request costs grows with how many others there are.
# The agent alone is printed with showHidden and depth null; a program that keeps one agent for all its lines (attach, wait,
# logs) pays most. An agent whose `util.inspect.custom` gives a short text avoids it.
# Seen: printed 1 time a request; 100 pings at once take 15 times the CPU that they take with such an agent.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund dockerode@5.0.1 >/dev/null
cat >run.cjs <<'JS'
const { Agent, createServer } = require('node:http');
const { inspect } = require('node:util');
const Docker = require('dockerode');

let printed = 0;
class Counting extends Agent {
  [inspect.custom](depth, options) {
    printed++;
    if (depth !== Number.POSITIVE_INFINITY && depth !== null) throw new Error(`depth ${depth}`);
    if (options.showHidden !== true) throw new Error('no hidden properties');
    return 'agent';
  }
}

const server = createServer((_, answer) => setTimeout(() => answer.end('OK'), 20));
server.listen(0, '127.0.0.1', async () => {
  const { port } = server.address();
  const cpuOf = async (agent, count) => {
    const docker = new Docker({ host: '127.0.0.1', port, agent });
    await docker.ping();
    const before = process.cpuUsage();
    await Promise.all(Array.from({ length: count }, () => docker.ping()));
    const { user, system } = process.cpuUsage(before);
    agent.destroy();
    return (user + system) / 1000;
  };
  const short = await cpuOf(new Counting({ keepAlive: true }), 100);
  const whole = await cpuOf(new Agent({ keepAlive: true }), 100);
  console.log(`printed ${printed} times in 101 requests; 100 at once: ${whole.toFixed(0)} ms of CPU, ${short.toFixed(0)} ms where it is short`);
  process.exit(printed === 101 && whole > 3 * short ? 0 : 1);
});
JS
npm ls docker-modem 2>/dev/null | grep -o 'docker-modem@.*'
node run.cjs
