// `npm run demo`: one job from end to end on real parts. Its options are in `arguments.ts`.
import { once } from 'node:events';
import { setInterval } from 'node:timers';
import { RigError } from '../rig/process.js';
import { readArguments, usage } from './arguments.js';
import { showDoors } from './doors.js';
import { AnswerError } from './gostint-client.js';
import { Show } from './show.js';
import { operatorPolicy, type Stage, setStage } from './stage.js';
import { tellStory } from './story.js';

const show = new Show((text) => void process.stdout.write(text), process.stdout.isTTY === true);

async function main(): Promise<void> {
  const args = readArguments(process.argv.slice(2));
  if (args.help) return show.line(usage);
  const startedAt = performance.now();
  await using stage = await setStage(show, args);
  const story = async () => {
    await tellStory(show, stage);
    if (args.doors) await showDoors(show, stage);
  };
  await Promise.race([story(), interruption()]);
  show.title(`All done in ${((performance.now() - startedAt) / 1000).toFixed(1)} s.`);
  if (args.keep) await keepRunning(stage);
}

/** Rejects on SIGINT or SIGTERM; everything is then stopped in order. */
async function interruption(): Promise<never> {
  await nextSignal();
  throw new Error('It was interrupted; everything that it started is stopped.');
}

async function nextSignal(): Promise<void> {
  await Promise.race(['SIGINT', 'SIGTERM'].map((signal) => once(process, signal)));
}

/** The parts end with this process, so it waits for a signal. */
async function keepRunning({ stint, rig, setup }: Stage): Promise<void> {
  show.line('Everything is left running. A shell to try it from:');
  show.line(`  export STINT=${stint.url}`);
  show.line(`  export VAULT_ADDR=${rig.vault.address} VAULT_TOKEN=${rig.vault.rootToken}`);
  show.line(`  export DOCKER_HOST=${rig.engine.dockerHost}`);
  show.line(`  export STINT_DATABASE_URL='${rig.postgres.url}'`);
  show.line(
    `  # jobs log in with the AppRole ${setup.roleName}; the policy ${operatorPolicy} makes a token an operator's`,
  );
  show.line('Ctrl-C ends it.');
  const alive = setInterval(() => undefined, 60_000);
  await nextSignal();
  clearInterval(alive);
  show.line('Cleaning up.');
}

/** Messages of our own errors suffice; any other error is a bug and is printed with its stack. */
function giveUp(error: unknown): void {
  const isOurs =
    error instanceof RigError || error instanceof AnswerError || (error as Error).name === 'Error';
  process.stderr.write(
    `\nThe demo could not continue. ${isOurs ? (error as Error).message : (error as Error).stack}\n`,
  );
  process.exitCode = 1;
}

await main().catch(giveUp);
process.exit();
