#!/usr/bin/env bash
# What three parsers of settings make of texts that operators write, without an error:
#   bytes 3.1.2           "1GiB" is 1, "512M" is 512 (only KB, MB, GB are units; the rest is dropped, the number kept)
#   ms 2.1.3              "1h30m" is undefined (one unit only)
#   parse-duration 2.1.4  "15 bananas 3s" is 3000 (what it does not know is skipped)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund bytes@3.1.2 ms@2.1.3 parse-duration@2.1.4 >/dev/null
cat > run.mjs <<'JS'
import bytes from 'bytes';
import ms from 'ms';
import parse from 'parse-duration';

const seen = [bytes('1GiB'), bytes('512M'), ms('1h30m'), parse('15 bananas 3s')];
console.log(seen);
if (JSON.stringify(seen) !== JSON.stringify([1, 512, undefined, 3000])) process.exit(1);
JS
node run.mjs
