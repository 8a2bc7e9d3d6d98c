// Finds what jobs left behind: containers, secrets files, sealed requests and live tokens.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Sql } from 'postgres';
import { connectDocker } from '../../../rig/engine/docker.js';
import { type VaultAccess, vaultAsk } from '../stage/vault.js';
import type { LeftBehind } from './history.js';

/** Where jobs may have left something. */
export interface Places {
  readonly sql: Sql;
  readonly dockerHosts: readonly string[];
  readonly secretsDirectories: readonly string[];
  /** Only containers of these jobs, where others use the engine too. */
  readonly jobIds?: readonly string[];
  readonly vault: VaultAccess;
  /** The role that jobs log in with. */
  readonly roleName: string;
}

/** Checks until nothing is left, at most until the limit, and returns what is left: clean-ups run in the background. */
export async function waitForNothingLeft(places: Places, limitMs: number): Promise<LeftBehind> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const left = await findLeftBehind(places);
    const isClean = Object.values(left).every((each: readonly string[]) => each.length === 0);
    if (isClean || Date.now() > deadline) return left;
    await delay(pauseMs);
  }
}

const pauseMs = 500;

/** Finds everything that only running jobs may have. */
export async function findLeftBehind(places: Places): Promise<LeftBehind> {
  const { sql, dockerHosts, secretsDirectories } = places;
  const [containers, hostFiles, rows, tokens] = await Promise.all([
    Promise.all(dockerHosts.map((host) => findContainers(host, places.jobIds))),
    Promise.all(secretsDirectories.map(findJobDirectories)),
    sql<{ id: string }[]>`
      select job_id as id from job_requests join jobs on jobs.id = job_id
      where jobs.state in ('succeeded', 'failed', 'canceled', 'lost')`,
    findJobTokens(places),
  ]);
  return {
    containers: containers.flat(),
    hostFiles: hostFiles.flat(),
    requestRows: rows.map(({ id }) => id),
    tokens,
  };
}

async function findContainers(dockerHost: string, jobIds: readonly string[] | undefined): Promise<string[]> {
  const filters = { label: ['stint.job'] };
  const found = await connectDocker(dockerHost).listContainers({ all: true, filters });
  const ours = found.filter(({ Labels }) => jobIds?.includes(Labels['stint.job'] ?? '') ?? true);
  return ours.map(({ Labels, State }) => `${Labels['stint.job'] ?? ''} ${State}`);
}

/** Each process has a directory in it, and each of its jobs a directory in that. */
async function findJobDirectories(directory: string): Promise<string[]> {
  const owners = await readdir(directory).catch((): string[] => []);
  const jobs = owners.map(async (owner) => {
    const names = await readdir(join(directory, owner)).catch((): string[] => []);
    return names.filter((name) => /^[0-9a-f]{32}$/.test(name)).map((name) => join(owner, name));
  });
  return (await Promise.all(jobs)).flat();
}

/** Asks Vault for all its tokens, so that a token that nobody recorded is found as well. */
async function findJobTokens({ vault, roleName }: Places): Promise<string[]> {
  const list = await vaultAsk(vault, 'LIST', 'auth/token/accessors');
  const accessors = (list.body.data?.keys as string[] | undefined) ?? [];
  const lookUps = accessors.map(async (accessor) => {
    const { status, body } = await vaultAsk(vault, 'POST', 'auth/token/lookup-accessor', { accessor });
    const meta = body.data?.meta as { role_name?: string } | null | undefined;
    return status === 200 && meta?.role_name === roleName ? [accessor] : [];
  });
  return (await Promise.all(lookUps)).flat();
}
