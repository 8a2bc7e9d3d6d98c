// node scripts/run.mjs ENTRY [arguments]: makes the checkout runnable, then runs dist/ENTRY.js.
//
// The program runs in this process, so that it gets the signals and its exit code is this process's.
import { fileURLToPath } from 'node:url';
import { ensureBuild, ensurePackages, runTask } from './ensure.mjs';

const [entry, ...args] = process.argv.slice(2);

await runTask(async () => {
  if (entry === undefined) throw new Error('Expected the name of an entry, such as "src/main".');
  await ensurePackages();
  await ensureBuild();
});

const program = new URL(`../dist/${entry}.js`, import.meta.url);
process.argv.splice(1, process.argv.length, fileURLToPath(program), ...args);
await import(program.href);
