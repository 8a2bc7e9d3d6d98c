// Measures claims and finishes a second with the chain over the history, beside the same without it, in turns.
import postgres from 'postgres';
import { newJobId } from '../src/job/id.js';
import { verdictOf } from '../src/job/outcome.js';
import { sealEvents } from '../src/queue/audit/seal-events.js';
import { openStore, type Store } from '../src/store/store.js';
import { type Bench, median, report } from './bench.js';

/** Many short ones, because other programs come and go. */
const rounds = 60;
const jobsOfRound = 100;
const claimers = 4;
/** As a server does it, of the time that is measured. */
const sealEveryMs = 5_000;
const verdict = verdictOf({
  kind: 'ended',
  exit: { exitCode: 0, outOfMemory: false, proven: true },
  stopped: undefined,
  limitMs: 0,
});
const output = { stdoutBytes: 0, stderrBytes: 0, flaw: undefined };

/** A database of its own for each side, on one server: whatever else the machine does hits both. */
export async function measureHistory({ rig }: Bench): Promise<void> {
  await using without = await openSide(rig.postgres.url, 'without_chain');
  await using withChain = await openSide(rig.postgres.url, 'with_chain');
  await without.sql`drop index events_by_tx`;
  await without.sql`alter table events alter column tx set default 0`;
  const rateOfChained = withSealer(withChain.store);
  const rates: { plain: number; chained: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    const sides = [
      async () => ({ plain: await rateOf(without.store) }),
      async () => ({ chained: await rateOfChained() }),
    ];
    const [first, second] = round % 2 === 0 ? sides : sides.toReversed();
    rates.push({ plain: 0, chained: 0, ...(await first?.()), ...(await second?.()) });
  }
  const ratio = median(rates.map(({ plain, chained }) => chained / plain));
  const [plain, chained] = [
    median(rates.map((each) => each.plain)),
    median(rates.map((each) => each.chained)),
  ];
  report('claims and finishes, chained beside not', `${chained.toFixed(0)} / ${plain.toFixed(0)} jobs/s`);
  report('median of their ratios', `${ratio.toFixed(3)} (target: 0.95)`);
}

async function openSide(server: string, name: string) {
  const admin = postgres(server, { max: 1, onnotice: () => {} });
  await admin`drop database if exists ${admin(name)}`;
  await admin`create database ${admin(name)}`;
  const url = new URL(server);
  url.pathname = `/${name}`;
  const store = await openStore(url.href, 'migrations');
  const sql = postgres(url.href, { max: 1, onnotice: () => {} });
  const end = async () => {
    await store[Symbol.asyncDispose]();
    await sql.end();
    await admin`drop database ${admin(name)} with (force)`;
    await admin.end();
  };
  return { store, sql, [Symbol.asyncDispose]: end };
}

/** Seals beside the claims as often as a server does. */
function withSealer(store: Store): () => Promise<number> {
  const log = { info: () => {}, error: () => {} };
  let dueAtMs = 0;
  let measuredMs = 0;
  return async () => {
    const isDue = measuredMs >= dueAtMs;
    if (isDue) dueAtMs += sealEveryMs;
    const [rate] = await Promise.all([rateOf(store), isDue ? sealEvents({ store, log }) : 0]);
    measuredMs += (jobsOfRound / rate) * 1000;
    return rate;
  };
}

/** Jobs a second that several claimers claim and finish, of a backlog that was submitted before. */
async function rateOf(store: Store): Promise<number> {
  for (let job = 0; job < jobsOfRound; job++) await submit(store);
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: claimers }, () => claimAll(store)));
  return jobsOfRound / ((performance.now() - startedAt) / 1000);
}

async function submit(store: Store): Promise<void> {
  const owner = { key: 'entity:bench', displayName: 'bench' };
  await store.insertJob({
    id: newJobId(),
    door: 'gostint',
    queue: null,
    owner,
    sealed: Buffer.from('sealed'),
  });
}

async function claimAll(store: Store): Promise<void> {
  for (;;) {
    const [claim] = await store.claimJobs({ node: 'bench', limit: 1, leaseMs: 30_000 });
    if (claim === undefined) return;
    await store.finishJob(claim, verdict, output);
  }
}
