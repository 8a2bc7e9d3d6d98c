// Measures what jobs that start other jobs cost while they rest: stopped services, and pipelines that have ended.
import { setTimeout as delay } from 'node:timers/promises';
import postgres from 'postgres';
import { claimJobs } from '../src/store/jobs/claim.js';
import type { Sql } from '../src/store/postgres/connection.js';
import { type Bench, median, memoryOf, report, say } from './bench.js';

const parents = 1_000;
const rounds = 60;
const idleMs = 20_000;
/** Connections tell their counts only some seconds after their last statement. */
const restMs = 20_000;
const mib = 1024 * 1024;

interface Figures {
  /** Blocks that a claim of four ready jobs reads. */
  readonly buffers: number;
  readonly claimMs: number;
  readonly lists: Readonly<Record<string, number>>;
  readonly memory: number;
  /** Transactions a second of the whole database, with nothing to do. */
  readonly transactions: number;
}

/**
 * A server with 1,000 stopped services and 1,000 ended pipelines, beside the same server before, which had answered as many
 * requests and had as many plain jobs in its history.
 */
export async function measureParents(bench: Bench): Promise<void> {
  const sql = postgres(bench.rig.postgres.url, { max: 1, onnotice: () => undefined });
  try {
    const token = await bench.client.minimalToken();
    say(`loading ${parents} services and unloading them again`);
    await loadStopped(bench, token, { andUnload: true });
    await storePlain(sql);
    const before = await takeFigures(bench, sql, token);
    say(`loading ${parents} services and storing ${parents} pipelines`);
    await loadStopped(bench, token, { andUnload: false });
    await sql`delete from jobs where owner_key = 'entity:bench'`; // As many rows as before: indexes grow with all of them.
    await storePipelines(sql);
    reportFigures(before, await takeFigures(bench, sql, token));
  } finally {
    await sql.end({ timeout: 5 });
  }
}

function reportFigures(before: Figures, after: Figures): void {
  report('blocks read by a claim', `${before.buffers}, then ${after.buffers} (target: equal)`);
  report('a claim, p50', `${before.claimMs.toFixed(2)} ms, then ${after.claimMs.toFixed(2)} ms`);
  for (const [path, ms] of Object.entries(after.lists)) {
    const was = before.lists[path] ?? Number.NaN;
    report(`GET ${path}, p50`, `${was.toFixed(1)} ms, then ${ms.toFixed(1)} ms (target: at most 1.1 of it)`);
  }
  report(
    'resident memory',
    `${Math.round(before.memory / mib)} MiB, then ${Math.round(after.memory / mib)} MiB`,
  );
  report(
    'transactions a second, idle',
    `${before.transactions.toFixed(1)}, then ${after.transactions.toFixed(1)}`,
  );
}

async function takeFigures(bench: Bench, sql: postgres.Sql, token: string): Promise<Figures> {
  await sql`vacuum full analyze`;
  await delay(restMs);
  const transactions = await countTransactions(sql);
  const claims = [];
  for (let round = 0; round < rounds; round++) claims.push(await explainClaim(sql));
  const lists: Record<string, number> = {};
  for (const path of ['/v1/api/job', '/v1/jobproxy/state', '/api/job'])
    lists[path] = await timeOf(`${bench.stint.url}${path}`, token);
  return {
    buffers: median(claims.map(({ buffers }) => buffers)),
    claimMs: median(claims.map(({ ms }) => ms)),
    lists,
    memory: await memoryOf(bench.stint.pid, 'VmRSS'),
    transactions,
  };
}

/** In a transaction that is undone: no node sees these jobs. */
async function explainClaim(sql: postgres.Sql): Promise<{ buffers: number; ms: number }> {
  const undone = new Error('undone');
  const found: { buffers: number; ms: number }[] = [];
  const claim = { node: 'bench', limit: 4, leaseMs: 30_000 };
  await sql
    .begin(async (inside) => {
      await inside`
        insert into jobs (id, state, turn, door, owner_key, owner_name)
        select 'bbbbbbbbbbbbbbbbbbbbbbb' || n, 'queued', true, 'gostint', 'entity:bench', 'bench' from generate_series(1, 4) as n`;
      const explain = ([first, ...rest]: TemplateStringsArray, ...values: string[]) => {
        const strings = [`explain (analyze, buffers, format json) ${first}`, ...rest];
        return inside(Object.assign(strings, { raw: strings }) as unknown as TemplateStringsArray, ...values);
      };
      const [row] = (await claimJobs(explain as unknown as Sql, claim)) as unknown as Explained[];
      const [{ Plan: plan, 'Execution Time': ms = 0 } = { Plan: {} }] = row?.['QUERY PLAN'] ?? [];
      const buffers = (plan['Shared Hit Blocks'] ?? 0) + (plan['Shared Read Blocks'] ?? 0);
      found.push({ buffers, ms });
      throw undone;
    })
    .catch((error: unknown) => {
      if (error !== undone) throw error;
    });
  return found[0] ?? { buffers: Number.NaN, ms: Number.NaN };
}

interface Explained {
  readonly 'QUERY PLAN': readonly {
    readonly Plan: Readonly<Record<string, number>>;
    readonly 'Execution Time'?: number;
  }[];
}

async function timeOf(url: string, token: string): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const startedAt = performance.now();
    await (await fetch(url, { headers: { 'x-vault-token': token } })).arrayBuffer();
    times.push(performance.now() - startedAt);
  }
  return median(times);
}

async function countTransactions(sql: postgres.Sql): Promise<number> {
  const read = async () => {
    const [row] = await sql<{ count: string }[]>`
      select xact_commit + xact_rollback as count from pg_stat_database where datname = current_database()`;
    return Number(row?.count);
  };
  const first = await read();
  await delay(idleMs);
  return ((await read()) - first) / (idleMs / 1000);
}

/** Each through its door. */
async function loadStopped(
  { stint, image }: Bench,
  token: string,
  { andUnload }: { readonly andUnload: boolean },
): Promise<void> {
  const ask = async (method: string, path: string, body?: object) => {
    const options = { method, headers: { 'x-api-key': token }, ...(body && { body: JSON.stringify(body) }) };
    const response = await fetch(`${stint.url}${path}`, options);
    const text = await response.text();
    if (!response.ok) throw new Error(`Expected ${path} to be answered, got ${response.status}: ${text}.`);
  };
  for (let number = 0; number < parents; number++) {
    const name = `job-${number}`;
    await ask('POST', '/jobs/bench', { name, cmd: 'sleep 300', image, start: false });
    if (andUnload) await ask('DELETE', `/jobs/bench/${name}`);
  }
}

/** As many rows as the services and the pipelines will have, and as many stored requests. */
async function storePlain(sql: postgres.Sql): Promise<void> {
  await sql`
    insert into jobs (id, state, turn, door, owner_key, owner_name, exit_code, started_at, finished_at)
    select 'dddddddddddddd' || lpad(to_hex(n), 10, '0'), 'succeeded', false, 'gostint', 'entity:bench', 'bench', 0, now(), now()
    from generate_series(1, ${5 * parents}::integer) as n`;
  // Services keep what they were loaded with. A claim that finds no request at all would be a claim of another kind.
  await sql`insert into job_requests select id, 'sealed' from jobs where owner_key = 'entity:bench' limit ${parents}::integer`;
}

/** As the door of LOPCO leaves them: a parent and three workers each, all ended. */
async function storePipelines(sql: postgres.Sql): Promise<void> {
  await sql`
    insert into jobs (id, state, turn, is_parent, door, owner_key, owner_name, job_name, job_kind, exit_code, started_at,
                      finished_at, unlisted_at)
    select 'aaaaaaaaaaaaaaaa' || lpad(to_hex(n), 8, '0'), 'succeeded', false, true, 'lopco', 'entity:bench', 'bench', 'run-' || n,
           'pipeline', 0, now(), now(), now()
    from generate_series(1, ${parents}::integer) as n`;
  await sql`insert into parents (job_id, progress) select id, '{}' from jobs where door = 'lopco' and is_parent`;
  await sql`
    insert into jobs (id, state, turn, parent, slot, noted, door, owner_key, owner_name, job_kind, exit_code, started_at,
                      finished_at, unlisted_at)
    select 'cccccccccccccc' || lpad(to_hex(n * 4 + slot), 10, '0'), 'succeeded', false,
           'aaaaaaaaaaaaaaaa' || lpad(to_hex(n), 8, '0'), slot, true, 'lopco', 'entity:bench', 'bench', 'worker', 0, now(), now(), now()
    from generate_series(1, ${parents}::integer) as n, generate_series(0, 2) as slot`;
}
