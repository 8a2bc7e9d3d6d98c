// node scripts/sbom.mjs: prints the bill of materials (CycloneDX) of what is installed with the server, from the lockfile.
//
// Made by npm for all packages, and then without those for development: with `--omit dev` npm 11 also leaves out each
// package of the server that one for development needs too (findings/sbom-omit-dev.sh).
import { spawnSync } from 'node:child_process';

const args = ['sbom', '--sbom-format', 'cyclonedx', '--sbom-type', 'application', '--package-lock-only'];
const { status, stdout, stderr } = spawnSync('npm', args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
if (status === 0)
  process.stdout.write(`${JSON.stringify(withoutDevelopment(JSON.parse(stdout)), null, 2)}\n`);
else
  process.stderr.write(
    `Could not make the bill of materials: npm 10 or later must be on the PATH.\n${stderr ?? ''}`,
  );
process.exitCode = status ?? 1;

function withoutDevelopment(bill) {
  const components = bill.components.filter(
    ({ properties = [] }) => !properties.some(({ name }) => name === 'cdx:npm:package:development'),
  );
  const kept = new Set([bill.metadata.component, ...components].map((component) => component['bom-ref']));
  const dependencies = bill.dependencies
    .filter(({ ref }) => kept.has(ref))
    .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((each) => kept.has(each)) }));
  return { ...bill, components, dependencies };
}
