import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { type AnsweredJob, GostintClient, type JobPayload } from '../../demo/gostint-client.js';
import { connectDocker } from '../../rig/engine/docker.js';
import { ensureImage } from '../../rig/engine/image.js';
import { settingsFor } from '../../rig/stint/settings.js';
import { readConfig } from '../../src/config/config.js';
import { createLog } from '../../src/server/log.js';
import { type Stint, startStint } from '../../src/server/start.js';
import { createEmptyDatabase } from '../support/database.js';
import { rigPart } from '../support/rig-part.js';
import type { PartAddresses } from '../support/shared-parts.js';

/** A stint in this process, on a real engine, Postgres and Vault, and a client of it. */
export interface StintOnRig extends AsyncDisposable {
  readonly stint: Stint;
  readonly client: GostintClient;
  readonly docker: Docker;
  readonly databaseUrl: string;
  readonly vault: { readonly address: string; readonly rootToken: string };
  /** A client with its own token. To Vault it is the same caller, unless `vaultToken` is another one's. */
  newClient(vaultToken?: string): Promise<GostintClient>;
  /** Submits a job, by default with busybox as its image, and waits for its end. */
  run(payload: JobPayload): Promise<AnsweredJob>;
  /** Everything that was logged. */
  log(): string;
}

export const image = 'busybox:latest';

/** A Vault that is prepared for stint. */
export type PreparedVault = PartAddresses['preparedVault'];

/**
 * Await it at the top of a test file, outside tests and hooks: the first call may have to build and install. `vault` is a
 * private one where the test seals or suspends it; by default it is the shared one.
 */
export async function startStintOnRig(
  settings: Readonly<Record<string, string>> = {},
  vault?: PreparedVault,
): Promise<StintOnRig> {
  const [engine, prepared] = await Promise.all([rigPart('engine'), vault ?? rigPart('preparedVault')]);
  const { setup, address, rootToken } = prepared;
  const database = await createEmptyDatabase();
  const directory = await mkdtemp(join(tmpdir(), 'stint-journey-'));
  const docker = connectDocker(engine.dockerHost);
  await ensureImage(docker, image);
  const lines: string[] = [];
  const ground = { databaseUrl: database.url, dockerHost: engine.dockerHost, vaultAddress: address, setup };
  const env = {
    ...settingsFor(ground),
    STINT_PORT: '0',
    STINT_STATE_DIR: directory,
    STINT_STOP_GRACE: '2s',
    STINT_DRAIN_TIMEOUT: '1s',
    STINT_SANDBOXES: '1',
    ...settings,
  };
  const log = createLog({ level: 'debug', destination: { write: (line) => void lines.push(line) } });
  const cleanUp = async () => {
    await database[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  };
  const stint = await startStint(readConfig(env), log).catch(async (error: unknown) => {
    await cleanUp();
    throw error;
  });
  const login = { roleId: setup.clientRoleId, secretId: setup.clientSecretId };
  const newClient = async (vaultToken?: string) => {
    const token = vaultToken ?? (await GostintClient.logIn(address, login));
    const roleName = settings.STINT_APPROLE_NAME ?? setup.roleName;
    return new GostintClient({ vault: address, stint: stint.url, token, roleName });
  };
  const client = await newClient();
  return {
    stint,
    docker,
    databaseUrl: database.url,
    vault: { address, rootToken },
    client,
    newClient,
    run: async (payload) => await client.wait(await client.submit({ container_image: image, ...payload })),
    log: () => lines.join(''),
    [Symbol.asyncDispose]: async () => {
      await stint[Symbol.asyncDispose]();
      await cleanUp();
    },
  };
}
