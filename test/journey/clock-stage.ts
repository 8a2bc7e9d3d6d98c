import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import connect, { type Sql } from 'postgres';
import { GostintClient } from '../../demo/gostint-client.js';
import { until } from '../../rig/process.js';
import { settingsFor } from '../../rig/stint/settings.js';
import { type StintServer, startStintServer } from '../../rig/stint/stint.js';
import { WrongClock } from '../../rig/stint/wrong-clock.js';
import { createEmptyDatabase } from '../support/database.js';
import type { PartAddresses } from '../support/shared-parts.js';

export const nodeIds = {
  ahead: '00000000-0000-4000-8000-00000000000a',
  behind: '00000000-0000-4000-8000-00000000000b',
};

/** A node, and by how much its clock is wrong. */
export interface Wrongness {
  readonly name: keyof typeof nodeIds;
  readonly offsetMs: number;
}

export interface ClockStageOptions {
  readonly engine: PartAddresses['engine'];
  readonly vault: PartAddresses['preparedVault'];
  /** The Vault policy whose tokens are operators'. */
  readonly operatorPolicy: string;
}

/** Allows for a slow machine, and is still far from an hour. */
export const toleranceMs = 900_000;
/** Far from each other, and from common time zones. */
const zones = { ahead: 'Pacific/Kiritimati', behind: 'America/St_Johns' };

/** Server processes with wrong clocks, on one database of their own. All other parts have the right time. */
export class ClockStage implements AsyncDisposable {
  readonly sealKey = randomBytes(32);
  readonly sql: Sql;
  readonly servers: StintServer[] = [];
  readonly #clocks = new Map<string, WrongClock>();
  readonly #options: ClockStageOptions;
  readonly #database: AsyncDisposable & { readonly url: string };
  readonly #directory: string;

  private constructor(
    options: ClockStageOptions,
    database: AsyncDisposable & { readonly url: string },
    directory: string,
  ) {
    this.#options = options;
    this.#database = database;
    this.#directory = directory;
    this.sql = connect(database.url, { max: 1, onnotice: () => undefined });
  }

  static async open(options: ClockStageOptions): Promise<ClockStage> {
    const directory = await mkdtemp(join(tmpdir(), 'stint-clocks-'));
    return new ClockStage(options, await createEmptyDatabase(), directory);
  }

  /** Starts a server, checks in its log that its clock is wrong by the offset, and logs in as its client. */
  async start(wrongness: Wrongness, settings: Readonly<Record<string, string>> = {}): Promise<GostintClient> {
    const { name, offsetMs } = wrongness;
    const clock = await WrongClock.start(join(this.#directory, name), offsetMs);
    this.#clocks.set(name, clock);
    const server = await startStintServer({ env: { ...this.#settingsOf(name), ...settings }, clock });
    this.servers.push(server);
    if (!(await isWrongBy(server, offsetMs))) throw new Error(`Expected the clock of ${name} to be wrong.`);
    return this.#clientOf(server);
  }

  /** Lets the clock of a running server jump, and waits until the server uses the new time. */
  async jump({ name, offsetMs }: Wrongness): Promise<void> {
    const server = this.servers.at(-1);
    if (server === undefined) throw new Error('Expected a server, got none.');
    await this.#clocks.get(name)?.set(offsetMs);
    const hasJumped = async () => {
      await fetch(`${server.url}/no-such-thing`); // It logs each request.
      return isWrongBy(server, offsetMs);
    };
    await until(hasJumped, { limitMs: 20_000, what: 'a clock to jump' });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.servers) await server[Symbol.asyncDispose]();
    await this.sql.end({ timeout: 1 });
    await this.#database[Symbol.asyncDispose]();
    await rm(this.#directory, { recursive: true });
  }

  #settingsOf(name: Wrongness['name']): Record<string, string> {
    const { engine, vault, operatorPolicy } = this.#options;
    const { address: vaultAddress, setup } = vault;
    const { dockerHost } = engine;
    return {
      ...settingsFor({ databaseUrl: this.#database.url, dockerHost, vaultAddress, setup }),
      STINT_NODE_ID: nodeIds[name],
      STINT_SEAL_KEY: this.sealKey.toString('base64'),
      STINT_OPERATOR_POLICIES: operatorPolicy,
      STINT_SLOTS: '4',
      STINT_LEASE: '2s',
      STINT_LOST_GRACE: '1s',
      STINT_STOP_GRACE: '1s',
      STINT_DRAIN_TIMEOUT: '1s',
      STINT_MAX_RUN_TIME: '10m',
      TZ: zones[name],
    };
  }

  async #clientOf(server: StintServer): Promise<GostintClient> {
    const { address, setup } = this.#options.vault;
    const login = { roleId: setup.clientRoleId, secretId: setup.clientSecretId };
    const token = await GostintClient.logIn(address, login);
    return new GostintClient({ vault: address, stint: server.url, token, roleName: setup.roleName });
  }
}

/** By the time of the last line in the server's log. */
async function isWrongBy(server: StintServer, offsetMs: number): Promise<boolean> {
  const times = [...(await server.readLog()).matchAll(/"time":"([^"]+)"/g)];
  const time = Date.parse(times.at(-1)?.[1] ?? '');
  return Math.abs(time - offsetMs - Date.now()) < toleranceMs;
}
