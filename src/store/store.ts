// Binds all SQL statements to one pair of connection pools: the database as the rest of the code sees it.

import type { Scope } from '../job/keeping/retention.js';
import type { Reach } from '../job/owner.js';
import * as chain from './audit/chain.js';
import * as heads from './audit/heads.js';
import { recordMasked } from './audit/masked.js';
import * as secretReads from './audit/secret-reads.js';
import * as pipelines from './doors/pipelines.js';
import * as registry from './doors/registry.js';
import { adoptOwnJobs } from './jobs/adopt.js';
import { type ClaimedRow, type ClaimKey, claimJobs, extendLeases, type LeaseRow } from './jobs/claim.js';
import * as detail from './jobs/detail.js';
import * as endings from './jobs/endings.js';
import { finaliseJob } from './jobs/finalise.js';
import * as keys from './jobs/idempotency.js';
import * as moves from './jobs/moves.js';
import { appendOutput, type NewChunk, readOutputState } from './jobs/output.js';
import { type Postponement, postponeJob } from './jobs/postpone.js';
import * as reads from './jobs/reads.js';
import * as requests from './jobs/requests.js';
import { type LossRules, listUnrevoked, settleDeadJobs, settleOwnJobs } from './jobs/settle.js';
import { drawNameNumber, drawPid, insertJob, type NewJob, readQueueForecast } from './jobs/submit.js';
import * as waiting from './jobs/waiting.js';
import * as ended from './nodes/ended-jobs.js';
import * as nodes from './nodes/nodes.js';
import * as privates from './nodes/private-images.js';
import * as images from './nodes/pulled-images.js';
import { type Removal, readJobFates, recordRemoval } from './nodes/removals.js';
import { readPlaces } from './parents/places.js';
import * as renewals from './parents/renewals.js';
import * as step from './parents/step.js';
import * as parents from './parents/views.js';
import { DatabaseAddress } from './postgres/address.js';
import { connect, type Sql } from './postgres/connection.js';
import { guarded } from './postgres/errors.js';
import { type NotificationHandlers, type Notifier, openNotifier } from './postgres/listen.js';
import { migrateDatabase } from './postgres/migrate.js';
import { recordSubmitAlarm, type SubmitAlarm } from './queues/alarms.js';
import * as holds from './queues/holds.js';
import * as queues from './queues/queues.js';
import * as waitingTotals from './queues/waiting-totals.js';
import * as whereabouts from './queues/whereabouts.js';
import * as sealed from './requests/parts.js';
import * as newEvents from './streams/events.js';
import * as input from './streams/input.js';
import { readOutputBatch, readOutputSizes } from './streams/output-batches.js';
import * as pipes from './streams/pipes.js';
import * as watch from './streams/watch.js';

/** One method per statement. All of them throw `BrokenError` when Postgres is unavailable. */
export type Store = ReturnType<typeof bindStatements>;

/** Migrates the database, then connects to it. */
export async function openStore(
  given: string | DatabaseAddress,
  migrations: string,
): Promise<Store & AsyncDisposable> {
  const address = typeof given === 'string' ? new DatabaseAddress(given) : given;
  await migrateDatabase(address.url, migrations);
  return openStoreAsItIs(address);
}

/** Connects to a database that is up to date. */
export function openStoreAsItIs(given: string | DatabaseAddress): Store & AsyncDisposable {
  const address = typeof given === 'string' ? new DatabaseAddress(given) : given;
  const connections = connect(address);
  return {
    ...bindStatements(address, connections),
    [Symbol.asyncDispose]: () => connections[Symbol.asyncDispose](),
  };
}

function bindStatements(address: DatabaseAddress, { sql, db }: ReturnType<typeof connect>) {
  return {
    ping: async (): Promise<void> => {
      await guarded(() => sql`select 1`);
    },
    ...bindSubmit(sql),
    readJobFates: (ids: readonly string[]) => readJobFates(sql, ids),
    recordSubmitAlarm: (alarm: SubmitAlarm) => recordSubmitAlarm(sql, alarm),
    recordRemoval: (removal: Removal) => recordRemoval(sql, removal),
    ...bindImages(sql),
    claimKey: (by: keys.KeyClaim, terms: keys.KeyTerms) => keys.claimKey(sql, by, terms),
    releaseKey: (by: keys.KeyClaim) => keys.releaseKey(sql, by),
    deleteExpiredKeys: (limit: number) => keys.deleteExpiredKeys(sql, limit),
    claimJobs: (claim: Parameters<typeof claimJobs>[1]): Promise<ClaimedRow[]> => claimJobs(sql, claim),
    extendLeases: (claims: readonly ClaimKey[], leaseMs: number): Promise<LeaseRow[]> =>
      extendLeases(sql, claims, leaseMs),
    markSpending: (claim: ClaimKey) => moves.markSpending(sql, claim),
    markTokenTaken: (claim: ClaimKey, accessor: string) => moves.markTokenTaken(sql, claim, accessor),
    markTokenRevoked: (...args: Rest<typeof moves.markTokenRevoked>) => moves.markTokenRevoked(sql, ...args),
    markPrepared: (claim: ClaimKey, facts: moves.PreparedFacts) => moves.markPrepared(sql, claim, facts),
    markRunning: (claim: ClaimKey, unmasked?: readonly string[]) => moves.markRunning(sql, claim, unmasked),
    markPublished: (...args: Rest<typeof moves.markPublished>) => moves.markPublished(sql, ...args),
    markStopping: (claim: ClaimKey, why: string) => moves.markStopping(sql, claim, why),
    postponeJob: (claim: ClaimKey, wait: Postponement) => postponeJob(sql, claim, wait),
    finishJob: (...args: FinishArguments) => endings.finishJob(sql, ...args),
    requestKill: (id: string, asker: requests.Requester) => requests.requestKill(sql, id, asker),
    listKills: (node: string) => requests.listKills(sql, node),
    deleteJob: (id: string, asker: requests.Requester) => requests.deleteJob(sql, id, asker),
    adoptOwnJobs: (node: string, leaseMs: number) => adoptOwnJobs(sql, node, leaseMs),
    settleOwnJobs: (...args: Rest<typeof settleOwnJobs>) => settleOwnJobs(sql, ...args),
    settleDeadJobs: (actor: string, rules: LossRules) => settleDeadJobs(sql, actor, rules),
    listUnrevoked: (node: string, overdueMs: number) => listUnrevoked(sql, node, overdueMs),
    listHolds: (...args: Rest<typeof holds.listHolds>) => holds.listHolds(sql, ...args),
    endHold: (hold: holds.Hold, node: string) => holds.endHold(sql, hold, node),
    endDueHolds: (node: string) => holds.endDueHolds(sql, node),
    seeNode: (node: nodes.NodeFacts, isStart = false) => nodes.seeNode(sql, node, isStart),
    listNodes: () => nodes.listNodes(sql),
    setDraining: (...args: Rest<typeof nodes.setDraining>) => nodes.setDraining(sql, ...args),
    readQueues: (choice: queues.QueueChoice) => queues.readQueues(sql, choice),
    pauseQueue: (name: string, action: queues.OperatorAction) => queues.pauseQueue(sql, name, action),
    resumeQueue: (name: string, actor: string) => queues.resumeQueue(sql, name, actor),
    releaseQueue: (name: string, action: queues.OperatorAction) => queues.releaseQueue(sql, name, action),
    configureQueue: (...args: Rest<typeof queues.configureQueue>) => queues.configureQueue(sql, ...args),
    finaliseJob: (...args: Rest<typeof finaliseJob>) => finaliseJob(sql, ...args),
    readJobFacts: (...args: Rest<typeof detail.readJobFacts>) => detail.readJobFacts(sql, ...args),
    ...bindWaiting(sql),
    ...bindRetention(sql),
    ...bindLists(sql),
    ...bindParents(sql),
    ...bindStreams(sql),
    ...bindHistory(sql),
    ...bindDoors(sql),
    ...bindReads(db),
    listen: (handlers: NotificationHandlers): Promise<Notifier> => openNotifier(address, sql, handlers),
  };
}

/** What is known of the images at each engine. */
function bindImages(sql: Sql) {
  return {
    recordPull: (pull: images.NewPull) => images.recordPull(sql, pull),
    touchImage: (image: images.ImageKey) => images.touchImage(sql, image),
    recordPrivateImages: (names: privates.PrivateImageNames) => privates.recordPrivateImages(sql, names),
    arePrivateImages: (names: privates.PrivateImageNames) => privates.arePrivateImages(sql, names),
    listPulledImages: (engineId: string) => images.listPulledImages(sql, engineId),
    forgetImage: (image: images.ImageKey, actor?: string) => images.forgetImage(sql, image, actor),
  };
}

/** What the lists of doors need beside the reads. */
function bindLists(sql: ReturnType<typeof connect>['sql']) {
  return {
    listListed: (...args: Rest<typeof reads.listListed>) => reads.listListed(sql, ...args),
    unlistExpired: (...args: Rest<typeof requests.unlistExpired>) => requests.unlistExpired(sql, ...args),
    unlistAllExpired: (limit: number, actor: string) => requests.unlistAllExpired(sql, limit, actor),
    drawNameNumber: () => drawNameNumber(sql),
    drawPid: () => drawPid(sql),
    unlistJob: (id: string, asker: requests.Requester) => requests.unlistJob(sql, id, asker),
  };
}

function bindParents(sql: Sql) {
  return {
    readParent: (...args: Rest<typeof parents.readParent>) => parents.readParent(sql, ...args),
    readOpenChildren: (parent: string) => parents.readOpenChildren(sql, parent),
    listChildren: (parent: string, limit: number) => parents.listChildren(sql, parent, limit),
    listDueParents: (...args: Rest<typeof parents.listDueParents>) => parents.listDueParents(sql, ...args),
    readPlaces: (ids: readonly string[]) => readPlaces(sql, ids),
    admitParents: (...args: Rest<typeof parents.admitParents>) => parents.admitParents(sql, ...args),
    advanceParent: (...args: Rest<typeof step.advanceParent>) => step.advanceParent(sql, ...args),
    endParent: (...args: Rest<typeof step.endParent>) => step.endParent(sql, ...args),
    keepLogin: (...args: Rest<typeof step.keepLogin>) => step.keepLogin(sql, ...args),
    claimRenewals: (...args: Rest<typeof renewals.claimRenewals>) => renewals.claimRenewals(sql, ...args),
    finishRenewal: (...args: Rest<typeof renewals.finishRenewal>) => renewals.finishRenewal(sql, ...args),
    reviseParent: (revision: step.RevisionFacts) => step.reviseParent(sql, revision),
  };
}

/** What goes to and comes from programs while they run. */
function bindStreams(sql: Sql) {
  return {
    appendOutput: (claim: ClaimKey, chunk: NewChunk) => appendOutput(sql, claim, chunk),
    readOutputState: (jobId: string) => readOutputState(sql, jobId),
    readOutputBatch: (jobId: string, afterSeq: number) => readOutputBatch(sql, jobId, afterSeq),
    readOutputSizes: (jobIds: readonly string[]) => readOutputSizes(sql, jobIds),
    addInput: (...args: Rest<typeof input.addInput>) => input.addInput(sql, ...args),
    takeInput: (...args: Rest<typeof input.takeInput>) => input.takeInput(sql, ...args),
    deleteStaleInput: (limit: number) => input.deleteStaleInput(sql, limit),
    readWatched: (watched: readonly watch.WatchedJob[]) => watch.readWatched(sql, watched),
    readNextChunk: (...args: Rest<typeof watch.readNextChunk>) => watch.readNextChunk(sql, ...args),
    appendPipe: (...args: Rest<typeof pipes.appendPipe>) => pipes.appendPipe(sql, ...args),
    readPipeChunks: (jobId: string) => pipes.readPipeChunks(sql, jobId),
    readLastEvent: () => newEvents.readLastEvent(sql),
    readNewEvents: (...args: Rest<typeof newEvents.readNewEvents>) => newEvents.readNewEvents(sql, ...args),
    readChunks: (...args: Rest<typeof watch.readChunks>) => watch.readChunks(sql, ...args),
  };
}

/** The history as it is sealed and verified. */
function bindHistory(sql: Sql) {
  return {
    readChainEnd: () => chain.readChainEnd(sql),
    readUnsealed: (...args: Rest<typeof chain.readUnsealed>) => chain.readUnsealed(sql, ...args),
    readUnsealedAge: (...args: Rest<typeof chain.readUnsealedAge>) => chain.readUnsealedAge(sql, ...args),
    appendLink: (...args: Rest<typeof chain.appendLink>) => chain.appendLink(sql, ...args),
    readLinks: (...args: Rest<typeof chain.readLinks>) => chain.readLinks(sql, ...args),
    readEventsBetween: (...args: Rest<typeof chain.readEventsBetween>) =>
      chain.readEventsBetween(sql, ...args),
    addHead: (...args: Rest<typeof heads.addHead>) => heads.addHead(sql, ...args),
    readLastHead: () => heads.readLastHead(sql),
    recordChange: (...args: Rest<typeof heads.recordChange>) => heads.recordChange(sql, ...args),
    readEvents: (jobId: string) => detail.readEvents(sql, jobId),
    wasPrepared: (jobId: string) => detail.wasPrepared(sql, jobId),
    recordMasked: (...args: Rest<typeof recordMasked>) => recordMasked(sql, ...args),
    recordReads: (...args: Rest<typeof secretReads.recordReads>) => secretReads.recordReads(sql, ...args),
    listReads: (choice: secretReads.ReadChoice) => secretReads.listReads(sql, choice),
  };
}

/** What single doors keep beside their jobs. */
function bindDoors(sql: Sql) {
  return {
    ...bindWhereabouts(sql),
    putDocument: (...args: Rest<typeof registry.putDocument>) => registry.putDocument(sql, ...args),
    readDocument: (...args: Rest<typeof registry.readDocument>) => registry.readDocument(sql, ...args),
    listDocuments: (...args: Rest<typeof registry.listDocuments>) => registry.listDocuments(sql, ...args),
    listDocumentIds: (...args: Rest<typeof registry.listDocumentIds>) =>
      registry.listDocumentIds(sql, ...args),
    deleteDocument: (...args: Rest<typeof registry.deleteDocument>) => registry.deleteDocument(sql, ...args),
    readLatestPipeline: (name: string, reach: Reach) => pipelines.readLatestPipeline(sql, name, reach),
    listPipelineNames: (reach: Reach, limit: number) => pipelines.listPipelineNames(sql, reach, limit),
  };
}

/** Of jobs and queues of anybody. */
function bindWhereabouts(sql: Sql) {
  return {
    readPlace: (id: string) => whereabouts.readPlace(sql, id),
    readNamedPlaces: (...args: Rest<typeof whereabouts.readNamedPlaces>) =>
      whereabouts.readNamedPlaces(sql, ...args),
    readQueueNames: (limit: number) => whereabouts.readQueueNames(sql, limit),
  };
}

function bindReads(db: ReturnType<typeof connect>['db']) {
  return {
    findJob: (...args: Rest<typeof reads.findJob>) => reads.findJob(db, ...args),
    findNamedJob: (...args: Rest<typeof reads.findNamedJob>) => reads.findNamedJob(db, ...args),
    listJobs: (...args: Rest<typeof reads.listJobs>) => reads.listJobs(db, ...args),
    countJobs: () => reads.countJobs(db),
    readOutput: (...args: Rest<typeof reads.readOutput>) => reads.readOutput(db, ...args),
  };
}

function bindWaiting(sql: Sql) {
  return {
    expireWaiting: (actor: string) => waiting.expireWaiting(sql, actor),
    withholdTurns: () => waiting.withholdTurns(sql),
    readWaiting: (ownerKey: string) => waitingTotals.readWaiting(sql, ownerKey),
    foldWaiting: () => waitingTotals.foldWaiting(sql),
  };
}

function bindRetention(sql: Sql) {
  return {
    readEndOfSurplus: (scope: Scope) => ended.readEndOfSurplus(sql, scope),
    listRemovable: (...args: Rest<typeof ended.listRemovable>) => ended.listRemovable(sql, ...args),
    countRemovable: (...args: Rest<typeof ended.countRemovable>) => ended.countRemovable(sql, ...args),
    removeOutput: (ids: readonly string[], limit: number) => ended.removeOutput(sql, ids, limit),
    removePipes: (ids: readonly string[], limit: number) => ended.removePipes(sql, ids, limit),
    removeChildren: (...args: Rest<typeof ended.removeChildren>) => ended.removeChildren(sql, ...args),
    removeEnded: (ids: readonly string[], actor: string) => ended.removeEnded(sql, ids, actor),
  };
}

function bindSubmit(sql: Sql) {
  return {
    insertJob: (job: NewJob) => insertJob(sql, job),
    readQueueForecast: (...args: Rest<typeof readQueueForecast>) => readQueueForecast(sql, ...args),
    storeSealedPart: (part: sealed.SealedPart) => sealed.storeSealedPart(sql, part),
    readSealed: (jobId: string, from: number) => sealed.readSealed(sql, jobId, from),
    deleteStaleParts: (ageMs: number, limit: number) => sealed.deleteStaleParts(sql, ageMs, limit),
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
