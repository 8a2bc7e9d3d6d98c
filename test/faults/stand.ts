import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Docker from 'dockerode';
import connect, { type Sql } from 'postgres';
import { expect, vi } from 'vitest';
import { GostintClient, type JobPayload } from '../../demo/gostint-client.js';
import { connectDocker } from '../../rig/engine/docker.js';
import { ensureImage } from '../../rig/engine/image.js';
import { settingsFor } from '../../rig/stint/settings.js';
import { readConfig } from '../../src/config/config.js';
import { createLog } from '../../src/server/log.js';
import { type Stint, startStint } from '../../src/server/start.js';
import { createEmptyDatabase } from '../support/database.js';
import { rigPart } from '../support/rig-part.js';
import type { PartAddresses } from '../support/shared-parts.js';

export const image = 'busybox:latest';

/** How stint reaches the parts; by default the parts that all tests share. */
export interface StandOptions {
  /** Maps the address of the test's own database, for example to a proxy. */
  readonly database?: (url: string) => Promise<string> | string;
  /** The address of the test's own server, without a path. */
  readonly databaseServer?: string;
  readonly dockerHost?: string;
  /** How stint reaches the engine, where that differs from how the test does. */
  readonly engineAddress?: string;
  /** How stint reaches Vault. The client connects directly. */
  readonly vaultAddress?: string;
  readonly vault?: PartAddresses['preparedVault'];
  readonly settings?: Readonly<Record<string, string>>;
}

/** A stint in this process whose parts a test breaks, and direct connections to check it. */
export interface Stand extends AsyncDisposable {
  readonly stint: Stint;
  readonly client: GostintClient;
  readonly docker: Docker;
  readonly sql: Sql;
  readonly log: () => string;
  submit(payload: JobPayload): Promise<string>;
  /** The row and the kinds of its events, directly from Postgres. */
  look(id: string): Promise<JobRow>;
  /** Makes postponed jobs ready at once. */
  retryNow(): Promise<void>;
}

export interface JobRow {
  readonly state: string;
  readonly code: string | null;
  readonly message: string | null;
  readonly reason: string | null;
  readonly exit_code: number | null;
  readonly output_complete: boolean;
  readonly output_flaw: string | null;
  readonly unwrapped_at: Date | null;
  readonly token_accessor: string | null;
  readonly sealed: boolean;
  readonly kinds: readonly string[];
}

/** Await it at the top of a test file. */
export async function openStand(options: StandOptions = {}): Promise<Stand> {
  const [engine, vault] = await Promise.all([
    options.dockerHost === undefined ? rigPart('engine') : { dockerHost: options.dockerHost },
    options.vault ?? rigPart('preparedVault'),
  ]);
  const database =
    options.databaseServer === undefined
      ? await createEmptyDatabase()
      : { url: options.databaseServer, [Symbol.asyncDispose]: async () => undefined };
  const directory = await mkdtemp(join(tmpdir(), 'stint-faults-'));
  const docker = connectDocker(engine.dockerHost);
  await ensureImage(docker, image);
  const parts = {
    databaseUrl: (await options.database?.(database.url)) ?? database.url,
    dockerHost: options.engineAddress ?? engine.dockerHost,
    vaultAddress: options.vaultAddress ?? vault.address,
    setup: vault.setup,
  };
  const env = {
    ...settingsFor(parts),
    STINT_PORT: '0',
    STINT_STATE_DIR: directory,
    STINT_STOP_GRACE: '1s',
    STINT_DRAIN_TIMEOUT: '1s',
    STINT_VAULT_TIMEOUT: '1s',
    ...options.settings,
  };
  const lines: string[] = [];
  const log = createLog({ level: 'debug', destination: { write: (line) => void lines.push(line) } });
  const stint = await startStint(readConfig(env), log);
  const sql = connect(database.url, { max: 2, onnotice: () => undefined });
  const login = { roleId: vault.setup.clientRoleId, secretId: vault.setup.clientSecretId };
  const token = await GostintClient.logIn(vault.address, login);
  const client = new GostintClient({
    vault: vault.address,
    stint: stint.url,
    token,
    roleName: vault.setup.roleName,
  });
  return {
    stint,
    client,
    docker,
    sql,
    log: () => lines.join(''),
    submit: (payload) => client.submit({ container_image: image, ...payload }),
    look: (id) => look(sql, id),
    retryNow: async () => {
      await sql`update jobs set not_before = null`;
      await sql`select pg_notify('stint_ready', '')`;
    },
    [Symbol.asyncDispose]: async () => {
      await stint[Symbol.asyncDispose]();
      await sql.end({ timeout: 1 });
      await database[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function look(sql: Sql, id: string): Promise<JobRow> {
  const [job] = await sql`
    select *, exists (select 1 from job_requests where job_id = jobs.id) as sealed,
           array(select kind from events where job_id = jobs.id order by seq) as kinds
    from jobs where id = ${id}`;
  if (job === undefined) throw new Error(`Expected the job ${id} to exist, got none.`);
  return job as unknown as JobRow;
}

/**
 * The shortest time of three jobs from the resume of their queue to their claim, in seconds. A node knows of its own submits
 * without Postgres, so each job waits in a paused queue first. Each queue is resumed once the job before was claimed, and
 * no job ends meanwhile: without notifications a node claims at its next poll, one and a half seconds later. Needs four slots.
 */
export async function shortestWait(stand: Stand): Promise<number> {
  const waits: number[] = [];
  const ids: string[] = [];
  for (const round of [0, 1, 2, 3]) {
    const id = await submitPaused(stand, `notified ${randomUUID()}`);
    ids.push(id);
    const seconds = await resumeQueue(stand, id);
    if (round > 0) waits.push(seconds); // The first claim may come from a poll.
  }
  for (const id of ids) await stand.client.kill(id);
  return Math.min(...waits);
}

async function submitPaused({ sql, submit }: Stand, qname: string): Promise<string> {
  await sql`
    insert into queues (name, paused_at, paused_by, paused_reason) values (${qname}, clock_timestamp(), 'test', 'test')`;
  return await submit({ qname, run: ['sleep', '60'] });
}

/** Resumes the job's queue as another node does. Returns the seconds until its claim. */
async function resumeQueue({ sql }: Stand, id: string): Promise<number> {
  await sql`
    with resumed as (
      update queues set paused_at = null, paused_by = null, paused_reason = null
      where name = (select queue from jobs where id = ${id}) returning name
    )
    insert into events (queue, kind, actor) select name, 'queue_resumed', 'test' from resumed`;
  await sql`select pass_turn(queue), pg_notify('stint_ready', '') from jobs where id = ${id}`;
  const secondsUntilClaim = async () => {
    const [row] = await sql`
      select extract(epoch from claimed.at - resumed.at)::float8 as seconds
      from jobs
      join events as resumed on resumed.queue = jobs.queue and resumed.kind = 'queue_resumed'
      join events as claimed on claimed.job_id = jobs.id and claimed.kind = 'claimed'
      where jobs.id = ${id}`;
    return Number(row?.seconds ?? Number.NaN);
  };
  return await vi.waitFor(
    async () => {
      const seconds = await secondsUntilClaim();
      expect(seconds).not.toBeNaN();
      return seconds;
    },
    { timeout: 20_000, interval: 10 },
  );
}
