// Starts real parts, a stint server and a client for the measures, and prints their figures.
import { readFile } from 'node:fs/promises';
import { GostintClient } from '../demo/gostint-client.js';
import { connectDocker } from '../rig/engine/docker.js';
import { ensureImage } from '../rig/engine/image.js';
import { type Rig, startRig } from '../rig/rig.js';
import { settingsFor } from '../rig/stint/settings.js';
import { type StintServer, startStintServer } from '../rig/stint/stint.js';
import { bootstrapVault } from '../vault-dev/bootstrap.js';

/** A stint server in its own process on real parts, and a client. Disposing stops everything. */
export interface Bench extends AsyncDisposable {
  readonly rig: Rig;
  readonly stint: StintServer;
  readonly client: GostintClient;
  readonly image: string;
  /** Another server on the same parts, as a node of its own. */
  readonly startServer: () => Promise<StintServer>;
  readonly clientOf: (stint: StintServer) => GostintClient;
  /** A client that is somebody else to stint. */
  readonly newCaller: () => Promise<GostintClient>;
}

const imageName = 'busybox:latest';

export async function startBench(settings: Readonly<Record<string, string>> = {}): Promise<Bench> {
  const rig = await startRig({ vault: 'at-once', durable: true, log: say });
  try {
    return await startOn(rig, settings);
  } catch (error) {
    await rig[Symbol.asyncDispose]();
    throw error;
  }
}

async function startOn(rig: Rig, settings: Readonly<Record<string, string>>): Promise<Bench> {
  const { vault, engine, postgres } = rig;
  const setup = await bootstrapVault({ address: vault.address, token: vault.rootToken });
  await ensureImage(connectDocker(engine.dockerHost), imageName);
  const parts = { databaseUrl: postgres.url, dockerHost: engine.dockerHost, vaultAddress: vault.address };
  const startServer = () =>
    startStintServer({ env: { ...settingsFor({ ...parts, setup }), ...settings }, log: say });
  const stint = await startServer();
  const login = { roleId: setup.clientRoleId, secretId: setup.clientSecretId };
  const token = await GostintClient.logIn(vault.address, login);
  const { roleName } = setup;
  const clientOf = ({ url }: StintServer) =>
    new GostintClient({ vault: vault.address, stint: url, token, roleName, pollMs: 5 });
  const end = async () => {
    await stint[Symbol.asyncDispose]();
    await rig[Symbol.asyncDispose]();
  };
  const client = clientOf(stint);
  const newCaller = async () => {
    const own = await createToken(vault, setup.clientPolicy);
    return new GostintClient({ vault: vault.address, stint: stint.url, token: own, roleName, pollMs: 5 });
  };
  return {
    rig,
    stint,
    client,
    image: imageName,
    startServer,
    clientOf,
    newCaller,
    [Symbol.asyncDispose]: end,
  };
}

async function createToken(vault: Rig['vault'], policy: string): Promise<string> {
  const answer = await fetch(`${vault.address}/v1/auth/token/create`, {
    method: 'POST',
    headers: { 'X-Vault-Token': vault.rootToken },
    body: JSON.stringify({ policies: ['default', policy] }),
  });
  return ((await answer.json()) as { auth: { client_token: string } }).auth.client_token;
}

/** Progress goes to standard error, figures to standard output. */
export function say(line: string): void {
  process.stderr.write(`bench: ${line}\n`);
}

/** Prints one figure with the target or value that it is compared with. */
export function report(measure: string, figure: string): void {
  process.stdout.write(`${measure.padEnd(46)} ${figure}\n`);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Resident memory of a process as the kernel counts it, in bytes: now, or the peak so far. */
export async function memoryOf(pid: number, field: 'VmRSS' | 'VmHWM'): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0) * 1024;
}
