import { type ClaimedRow, type ClaimKey, claimJobs, extendLeases, type LeaseRow } from './claim.js';
import { connect } from './connection.js';
import * as endings from './endings.js';
import { guarded } from './errors.js';
import { type Bell, type BellHandlers, listenForBells } from './listen.js';
import { migrateDatabase } from './migrate.js';
import * as moves from './moves.js';
import { appendOutput, type NewChunk } from './output.js';
import * as reads from './reads.js';
import * as requests from './requests.js';
import { listUnrevoked, settleOwnJobs } from './settle.js';
import { insertJob, type NewJob } from './submit.js';

/** The database as the queue sees it: one method per statement. All of them throw `BrokenError` when Postgres is away. */
export type Store = ReturnType<typeof bindStatements>;

/** Migrates the database, then connects to it. */
export async function openStore(url: string, migrations: string): Promise<Store & AsyncDisposable> {
  await migrateDatabase(url, migrations);
  const connections = connect(url);
  return {
    ...bindStatements(url, connections),
    [Symbol.asyncDispose]: () => connections[Symbol.asyncDispose](),
  };
}

function bindStatements(url: string, { sql, db }: ReturnType<typeof connect>) {
  return {
    ping: async (): Promise<void> => {
      await guarded(() => sql`select 1`);
    },
    insertJob: (job: NewJob) => insertJob(sql, job),
    claimJobs: (claim: { node: string; limit: number; leaseMs: number }): Promise<ClaimedRow[]> =>
      claimJobs(sql, claim),
    extendLeases: (claims: readonly ClaimKey[], leaseMs: number): Promise<LeaseRow[]> =>
      extendLeases(sql, claims, leaseMs),
    markSpending: (claim: ClaimKey) => moves.markSpending(sql, claim),
    markTokenTaken: (claim: ClaimKey, accessor: string) => moves.markTokenTaken(sql, claim, accessor),
    markTokenRevoked: (id: string, actor: string) => moves.markTokenRevoked(sql, id, actor),
    markPrepared: (claim: ClaimKey, facts: moves.PreparedFacts) => moves.markPrepared(sql, claim, facts),
    markRunning: (claim: ClaimKey) => moves.markRunning(sql, claim),
    markStopping: (claim: ClaimKey, why: string) => moves.markStopping(sql, claim, why),
    postponeJob: (claim: ClaimKey, wait: endings.Postponement) => endings.postponeJob(sql, claim, wait),
    finishJob: (...args: FinishArguments) => endings.finishJob(sql, ...args),
    appendOutput: (claim: ClaimKey, chunk: NewChunk) => appendOutput(sql, claim, chunk),
    requestKill: (id: string, asker: requests.Asker) => requests.requestKill(sql, id, asker),
    deleteJob: (id: string, asker: requests.Asker) => requests.deleteJob(sql, id, asker),
    settleOwnJobs: (node: string, known: readonly ClaimKey[] = []) => settleOwnJobs(sql, node, known),
    listUnrevoked: (node: string) => listUnrevoked(sql, node),
    findJob: (...args: Rest<typeof reads.findJob>) => reads.findJob(db, ...args),
    listJobs: (...args: Rest<typeof reads.listJobs>) => reads.listJobs(db, ...args),
    countJobs: () => reads.countJobs(db),
    readOutput: (...args: Rest<typeof reads.readOutput>) => reads.readOutput(db, ...args),
    listen: (handlers: BellHandlers): Promise<Bell> => listenForBells(url, sql, handlers),
  };
}

type FinishArguments = Rest<typeof endings.finishJob>;
/** The arguments of a statement after the connection it runs on. */
type Rest<F extends (first: never, ...rest: never[]) => unknown> = F extends (
  first: never,
  ...rest: infer R
) => unknown
  ? R
  : never;
