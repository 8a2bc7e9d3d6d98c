// Starts the parts and a stint server for the demo, and stops them at the end.
import { createInterface } from 'node:readline/promises';
import { connectDocker } from '../rig/engine/docker.js';
import { type EnsuredImage, ensureImage } from '../rig/engine/image.js';
import { type Rig, startRig } from '../rig/rig.js';
import { openRoadToStint, type RoadToStint } from '../rig/stint/road.js';
import { settingsFor } from '../rig/stint/settings.js';
import { type StintServer, startStintServer } from '../rig/stint/stint.js';
import { bootstrapVault, type VaultSetup } from '../vault-dev/bootstrap.js';
import type { DemoArguments } from './arguments.js';
import { pipelineSettings } from './pipeline.js';
import type { Show } from './show.js';

/** Everything the demo needs, running. Disposing stops what was started, in reverse order. */
export interface Stage extends AsyncDisposable {
  readonly rig: Rig;
  readonly setup: VaultSetup;
  readonly image: EnsuredImage;
  readonly stint: StintServer;
  /** For workers that call back; undefined where there are none, or no way. */
  readonly road: RoadToStint | undefined;
}

const imageName = 'busybox:latest';

/** A policy that `bootstrapVault` writes; the demo's server treats tokens with it as operators'. */
export const operatorPolicy = 'stint-operator';

/** Finds or starts the parts, prepares Vault and starts stint on them. Where one fails, all are stopped. */
export async function setStage(show: Show, args: DemoArguments): Promise<Stage> {
  show.title('The parts');
  const rig = await show.step(
    'Docker engine, PostgreSQL and Vault',
    () => startRig({ vault: 'at-once', confirm: confirmWith(args), log: logInstalls(show) }),
    describeRig,
  );
  try {
    return await build(show, rig, args);
  } catch (error) {
    await rig[Symbol.asyncDispose]();
    throw error;
  }
}

async function build(show: Show, rig: Rig, { doors }: DemoArguments): Promise<Stage> {
  const { vault, engine, postgres } = rig;
  const parts = { databaseUrl: postgres.url, dockerHost: engine.dockerHost, vaultAddress: vault.address };
  const image = await show.step(
    'an image to run',
    () => ensureImage(connectDocker(engine.dockerHost), imageName),
    ({ name, origin }) => `${name}, ${origin === 'made' ? 'made here, since none can be pulled' : origin}`,
  );
  const setup = await show.step('Vault prepared: engines, roles, policies, demo secrets', () =>
    bootstrapVault({ address: vault.address, token: vault.rootToken }),
  );
  const { socketPath } = engine;
  const hasRoad = doors && socketPath !== undefined;
  const road = hasRoad ? await openRoadToStint(connectDocker(engine.dockerHost), socketPath) : undefined;
  const stint = await show.step(
    'stint started',
    () =>
      startStintServer({
        env: {
          ...settingsFor({ ...parts, setup }),
          STINT_OPERATOR_POLICIES: operatorPolicy,
          STINT_JOBPROXY_PULL_POLICY: 'IfNotPresent',
          ...(road && pipelineSettings(road.url, image.name)),
        },
      }),
    ({ url }) => url,
  );
  road?.leadTo(stint.url);
  const end = async () => {
    await stint[Symbol.asyncDispose]();
    await road?.[Symbol.asyncDispose]();
    await rig[Symbol.asyncDispose]();
  };
  return { rig, setup, image, stint, road, [Symbol.asyncDispose]: end };
}

function describeRig({ engine, postgres, vault }: Rig): string {
  const vaults: Record<string, string> = {
    given: 'the Vault of STINT_TEST_VAULT_ADDR',
    vault: 'a real Vault of our own',
    bao: 'a real OpenBao of our own',
    built: 'a real Vault, built from source',
    embedded: 'the embedded Vault, which stands in for a real one (a real one would have to be built first)',
  };
  return `engine ${originOf(engine.own)}, PostgreSQL ${originOf(postgres.own)}, ${vaults[vault.kind] ?? vault.kind}`;
}

function originOf(own: unknown): string {
  return own === undefined ? 'found' : 'started';
}

/** Asks only where a person sits at a terminal. */
function confirmWith({ yes }: DemoArguments): ((question: string) => Promise<boolean>) | undefined {
  if (yes || !process.stdin.isTTY) return undefined;
  return async (question) => {
    const terminal = createInterface({ input: process.stdin, output: process.stdout });
    try {
      return /^y(?:es)?$/i.test((await terminal.question(`  ${question} [y/N] `)).trim());
    } finally {
      terminal.close();
    }
  };
}

/** What takes long is announced beforehand, or people think that it hangs. */
function logInstalls(show: Show): (line: string) => void {
  return (line) => {
    if (/^(?:installing|building|waiting)/.test(line)) show.line(`  … ${line}`);
  };
}
