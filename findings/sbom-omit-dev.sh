#!/usr/bin/env bash
# npm 11.19.1: `npm sbom --omit dev` leaves out packages of production, silently and with exit code 0: each that any package of
# development needs too, directly or not, although it is a dependency of its own and `npm ls --omit dev` shows it. Where `debug`
# is a dependency and `send`, which uses debug as well, one for development, the bill of materials of what is shipped is empty.
# Without `--omit` all components are there, and those that are only for development bear `cdx:npm:package:development`:
# that property is right where the option is not.
# Seen, as how many components: 0 with the option; of all, debug and ms without the property. `npm ls`: debug and ms.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir tool
(cd tool && npm init -y >/dev/null && npm install --silent --no-audit --no-fund npm@11.19.1 >/dev/null)
npm11() { node "$folder/tool/node_modules/npm/bin/npm-cli.js" "$@"; }
mkdir project
cd project
cat >package.json <<'JSON'
{ "name": "shipped", "version": "1.0.0", "dependencies": { "debug": "4.4.3" }, "devDependencies": { "send": "1.2.0" } }
JSON
npm11 install --silent --no-audit --no-fund --ignore-scripts >/dev/null
names() {
  node -e '
    const { components } = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
    const isShipped = ({ properties }) => !properties.some(({ name }) => name === "cdx:npm:package:development");
    console.log(components.filter(isShipped).map(({ name }) => name).sort().join(" ") || "none");'
}
{
  npm11 sbom --sbom-format cyclonedx --omit dev | names
  npm11 sbom --sbom-format cyclonedx | names
  npm11 ls --all --omit dev --parseable | sed -n 's/.*node_modules\///p' | sort | xargs
} | tee seen
diff seen - <<'SEEN'
none
debug ms
debug ms
SEEN
echo 'as seen before'
