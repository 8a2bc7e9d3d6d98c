// `npm run bench [-- measure ...]` takes the measures on real parts and prints one line a figure.
import { type Bench, report, say, startBench } from './bench.js';
import { measureHistory } from './history.js';
import { measureHostileBodies } from './hostile.js';
import { measureKill } from './kill.js';
import { measureLife } from './life.js';
import { measureMask } from './mask.js';
import { measureOutputMemory } from './memory.js';
import { measureParents } from './parents.js';
import { measureQueues } from './queues.js';
import { measureSoak } from './soak.js';

const measures: Readonly<Record<string, (bench: Bench) => Promise<void>>> = {
  life: measureLife,
  kill: measureKill,
  queues: measureQueues,
  memory: measureOutputMemory,
  mask: measureMask,
  hostile: measureHostileBodies,
  parents: measureParents,
  history: measureHistory,
  soak: measureSoak,
};

const usage = `npm run bench [-- measure ...]

Takes the measures on real parts and prints one line a figure: ${Object.keys(measures).join(', ')}; without a name all of them.
`;

async function main(): Promise<void> {
  const wanted = process.argv.slice(2);
  if (wanted.includes('--help')) return void process.stdout.write(usage);
  const unknown = wanted.find((name) => !Object.hasOwn(measures, name));
  const names = Object.keys(measures);
  if (unknown !== undefined) throw new Error(`Expected any of ${names.join(', ')}, got "${unknown}".`);
  await using bench = await startBench();
  report('Vault', bench.rig.vault.kind);
  for (const name of wanted.length > 0 ? wanted : names) {
    say(name);
    await measures[name]?.(bench);
  }
}

await main().catch((error: Error) => {
  process.stderr.write(`The bench could not continue. ${error.message}\n`);
  process.exitCode = 1;
});
process.exit();
