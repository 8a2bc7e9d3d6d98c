// Starts engine, PostgreSQL and Vault together, and stops them together.
import type { Confirm } from './engine/debian.js';
import { type Engine, startEngine } from './engine/engine.js';
import { type Postgres, startPostgres } from './postgres/postgres.js';
import type { Log } from './process.js';
import { startVault, type VaultChoice, type VaultPart } from './vault/vault.js';

/** All parts that stint needs, running. Disposing stops those that we started and no others. */
export interface Rig extends AsyncDisposable {
  readonly engine: Engine;
  readonly postgres: Postgres;
  readonly vault: VaultPart;
}

export interface RigOptions {
  readonly vault: VaultChoice;
  /** See `PostgresOptions`. */
  readonly durable?: boolean;
  readonly confirm?: Confirm | undefined;
  readonly log?: Log | undefined;
}

/** Finds or starts all parts at the same time, since each mostly waits. Where one fails, the others are stopped. */
export async function startRig(options: RigOptions): Promise<Rig> {
  const { confirm, log, durable = false } = options;
  const starts = [
    timed('Docker engine', log, () => startEngine({ confirm, log })),
    timed('PostgreSQL', log, () => startPostgres({ durable, log })),
    timed('Vault', log, () => startVault(options.vault, { confirm, log })),
  ] as const;
  const results = await Promise.allSettled<AsyncDisposable>(starts);
  const started = results.filter((result) => result.status === 'fulfilled').map((result) => result.value);
  const failure = results.find((result) => result.status === 'rejected');
  if (failure !== undefined) {
    await endAll(started, log);
    throw failure.reason;
  }
  const [engine, postgres, vault] = await Promise.all(starts);
  return { engine, postgres, vault, [Symbol.asyncDispose]: () => endAll(started, log) };
}

async function timed<T>(name: string, log: Log | undefined, start: () => Promise<T>): Promise<T> {
  const startedAt = Date.now();
  const part = await start();
  log?.(`${name} is ready after ${Date.now() - startedAt} ms`);
  return part;
}

/** In reverse order. An error of one part is logged, so that the others are stopped as well. */
async function endAll(parts: readonly AsyncDisposable[], log: Log | undefined): Promise<void> {
  for (const part of parts.toReversed()) {
    try {
      await part[Symbol.asyncDispose]();
    } catch (error) {
      log?.(`could not stop a part: ${(error as Error).message}`);
    }
  }
}
