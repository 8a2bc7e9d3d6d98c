import { randomUUID } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import { nextLink } from '../../src/job/audit/chain.js';
import { FencedError } from '../../src/job/errors.js';
import { newJobId } from '../../src/job/id.js';
import type { Store } from '../../src/store/store.js';
import { openTestDatabase } from '../support/database.js';
import { asker, facts, newJob, noOutput, submitInto, succeeded, wait } from '../support/stored-jobs.js';

// Q8: a node goes on working while a newer one migrates the database.

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());

const upload = randomUUID();
const claim = { id: newJobId(), fence: '1' };
const action = { actor: 'entity:ann', reason: 'to see' };
const image = { engineId: 'engine-1', imageId: 'sha256:1' };
const key = { ownerKey: 'entity:ann', key: 'key-1', claim: 'claim-1' };
const terms = { fingerprint: Buffer.from('print'), ttlMs: 60_000, staleMs: 60_000 };
const scope = { door: 'gostint', otherQueues: ['q'], ageMs: 86_400_000, most: 10 } as const;
const step = { id: claim.id, revision: '0', progress: {}, noted: [claim.id] };
const document = { kind: 'machine', id: 'm' } as const;
const owner = { key: 'entity:ann', displayName: 'ann' };
const node = { id: 'node-1', engineId: 'engine-1', version: '0', slots: 1 };
const place = { lastTx: '0', lastSeq: '0' };
const end = { ...place, number: '7', head: Buffer.from('head') };
const head = {
  installation: '',
  number: '0',
  head: '',
  takenAt: '',
  key: 'k',
  keyVersion: 1,
  publicKey: '',
  signature: '',
};
const read = { path: 'kv/a', keys: ['x'], version: 1, leaseHash: undefined };
const chunk = { seq: 1, position: 0, runs: [1], bytes: Buffer.from('a'), drop: undefined };

/** Every statement that a node sends to the database; only the sending matters, not the result. */
const statements: Record<Exclude<keyof Store, 'listen'>, () => Promise<unknown>> = {
  ping: () => store.ping(),
  readChainEnd: () => store.readChainEnd(),
  readUnsealed: () => store.readUnsealed(place, 10),
  readUnsealedAge: () => store.readUnsealedAge(place),
  appendLink: () => store.appendLink(end, nextLink(end, [])),
  readLinks: () => store.readLinks('0', 10),
  addHead: () => store.addHead(head),
  recordMasked: () => store.recordMasked(claim, [{ name: 'A', stream: 'stdout' }], false),
  recordReads: () => store.recordReads(claim, 'node-1', [read]),
  listReads: () => store.listReads({ path: 'kv/a', version: 1, after: undefined, limit: 10 }),
  wasPrepared: () => store.wasPrepared(claim.id),
  recordChange: () => store.recordChange('node:1', { link: '1', seq: '1' }),
  readLastHead: () => store.readLastHead(),
  readEventsBetween: () => store.readEventsBetween(place, place, 10),
  putDocument: () => store.putDocument({ ...document, document: {} }, owner, asker.reach),
  readDocument: () => store.readDocument(document, asker.reach),
  listDocumentIds: () => store.listDocumentIds('machine', asker.reach),
  listDocuments: () => store.listDocuments('machine', asker.reach),
  deleteDocument: () => store.deleteDocument(document, asker),
  readLatestPipeline: () => store.readLatestPipeline('name', asker.reach),
  listPipelineNames: () => store.listPipelineNames(asker.reach, 10),
  insertJob: () => store.insertJob(newJob({ queue: null })),
  storeSealedPart: () => store.storeSealedPart({ upload, part: 0, sealed: Buffer.from('part') }),
  readSealed: () => store.readSealed(claim.id, 0),
  deleteStaleParts: () => store.deleteStaleParts(60_000, 1),
  readQueueForecast: () => store.readQueueForecast('q', 10),
  readPlace: () => store.readPlace(claim.id),
  readNamedPlaces: () => store.readNamedPlaces({ door: 'runai', project: 'p', name: 'n' }, 10),
  readQueueNames: () => store.readQueueNames(10),
  readJobFates: () => store.readJobFates([claim.id]),
  recordRemoval: () => store.recordRemoval({ jobId: undefined, id: 'c1', actor: 'node:1', detail: {} }),
  recordSubmitAlarm: () => store.recordSubmitAlarm({ queue: 'q', door: 'gostint', actor: 'ann', code: 'x' }),
  recordPull: () => store.recordPull({ ...image, reference: 'busybox', sizeBytes: 1, isNew: true }),
  touchImage: () => store.touchImage(image),
  recordPrivateImages: () => store.recordPrivateImages({ engineId: 'engine-1', names: ['r/x@sha256:1'] }),
  arePrivateImages: () => store.arePrivateImages({ engineId: 'engine-1', names: ['r/x@sha256:1'] }),
  listPulledImages: () => store.listPulledImages('engine-1'),
  forgetImage: () => store.forgetImage(image, 'node:1'),
  claimKey: () => store.claimKey({ ...key, claim: 'claim-2' }, terms),
  releaseKey: () => store.releaseKey(key),
  deleteExpiredKeys: () => store.deleteExpiredKeys(1),
  claimJobs: () => store.claimJobs({ node: 'node-1', limit: 1, leaseMs: 30_000 }),
  extendLeases: () => store.extendLeases([claim], 30_000),
  markSpending: () => store.markSpending(claim),
  markTokenTaken: () => store.markTokenTaken(claim, 'accessor'),
  markTokenRevoked: () => store.markTokenRevoked(claim.id, 'node:1'),
  markPrepared: () => store.markPrepared(claim, facts),
  markRunning: () => store.markRunning(claim),
  markPublished: () => store.markPublished(claim, [{ container: 80, host: 8080 }]),
  markStopping: () => store.markStopping(claim, 'kill'),
  postponeJob: () => store.postponeJob(claim, wait),
  finishJob: () => store.finishJob(claim, succeeded, noOutput),
  appendOutput: () => store.appendOutput(claim, chunk),
  addInput: () => store.addInput({ jobId: claim.id, pipe: '', sealed: Buffer.from('sealed') }, 1_000),
  takeInput: () => store.takeInput(claim, '', 1_000),
  deleteStaleInput: () => store.deleteStaleInput(1),
  readWatched: () => store.readWatched([{ id: claim.id, pipe: '', seq: 0 }]),
  readChunks: () => store.readChunks({ id: claim.id, pipe: '', seq: 0 }, 1),
  readNextChunk: () => store.readNextChunk({ id: claim.id, pipe: '' }),
  appendPipe: () => store.appendPipe(claim, 'p', chunk),
  readPipeChunks: () => store.readPipeChunks(claim.id),
  readLastEvent: () => store.readLastEvent(),
  readNewEvents: () => store.readNewEvents('gaffer', { after: 0, known: [], limit: 1 }),
  readOutputState: () => store.readOutputState(claim.id),
  requestKill: () => store.requestKill(claim.id, asker),
  readParent: () => store.readParent(claim.id, asker.reach),
  readOpenChildren: () => store.readOpenChildren(claim.id),
  readPlaces: () => store.readPlaces([claim.id]),
  listChildren: () => store.listChildren(claim.id, 1),
  listDueParents: () => store.listDueParents(['runai'], 1),
  admitParents: () => store.admitParents('runai', 1, 'node:1'),
  advanceParent: () => store.advanceParent(step, null),
  endParent: () => store.endParent(step, succeeded),
  claimRenewals: () => store.claimRenewals(1, 1_000),
  finishRenewal: () => store.finishRenewal({ id: claim.id, until: '2026-01-01' }, 1_000),
  keepLogin: () => store.keepLogin(claim, { ...step, sealed: Buffer.from('x') }),
  reviseParent: () =>
    store.reviseParent({ ...step, sealed: Buffer.from('x'), kind: 'changed', actor: 'node:1' }),
  listKills: () => store.listKills('node-1'),
  deleteJob: () => store.deleteJob(newJobId(), asker),
  listListed: () => store.listListed({ door: 'runai', limit: 1 }, asker.reach),
  unlistExpired: () =>
    store.unlistExpired('entity:ann', { door: 'gostint', project: 'p', name: 'n' }, 'entity:ann'),
  unlistAllExpired: () => store.unlistAllExpired(1, 'node:1'),
  drawNameNumber: () => store.drawNameNumber(),
  drawPid: () => store.drawPid(),
  unlistJob: () => store.unlistJob(newJobId(), asker),
  findNamedJob: () => store.findNamedJob({ door: 'gostint', project: 'p', name: 'n' }, asker.reach),
  adoptOwnJobs: () => store.adoptOwnJobs('node-2', 30_000),
  settleOwnJobs: () => store.settleOwnJobs('node-2'),
  settleDeadJobs: () => store.settleDeadJobs('1', { graceMs: 60_000, holdMs: 1_000 }),
  listUnrevoked: () => store.listUnrevoked('node-1', 1_000),
  listHolds: () => store.listHolds('node-1', 'engine-1'),
  endHold: () => store.endHold({ queue: 'q', jobId: claim.id }, 'node-1'),
  endDueHolds: () => store.endDueHolds('node-1'),
  seeNode: () => store.seeNode(node),
  listNodes: () => store.listNodes(),
  setDraining: () => store.setDraining('node-1', false, 'entity:ann'),
  readQueues: () => store.readQueues({ after: null, limit: 10 }),
  pauseQueue: () => store.pauseQueue('paused', action),
  resumeQueue: () => store.resumeQueue('paused', 'entity:ann'),
  releaseQueue: () => store.releaseQueue('paused', action),
  configureQueue: () => store.configureQueue('paused', { maxWaiting: 5 }, 'entity:ann'),
  expireWaiting: () => store.expireWaiting('node:1'),
  readWaiting: () => store.readWaiting('entity:ann'),
  readEndOfSurplus: () => store.readEndOfSurplus(scope),
  listRemovable: () => store.listRemovable(scope, { surplus: undefined, after: undefined, limit: 1 }),
  countRemovable: () => store.countRemovable(scope, undefined),
  removeOutput: () => store.removeOutput([claim.id], 1),
  removePipes: () => store.removePipes([claim.id], 1),
  removeChildren: () => store.removeChildren([claim.id], 1, 'node:1'),
  removeEnded: () => store.removeEnded([claim.id], 'node:1'),
  foldWaiting: () => store.foldWaiting(),
  withholdTurns: () => store.withholdTurns(),
  finaliseJob: () => store.finaliseJob(claim.id, action, 0),
  readJobFacts: () => store.readJobFacts(claim.id, { everyone: true }),
  readEvents: () => store.readEvents(claim.id),
  findJob: () => store.findJob(claim.id, { everyone: true }),
  listJobs: () => store.listJobs({ skip: 0, limit: 10 }, { everyone: true }),
  countJobs: () => store.countJobs(),
  readOutput: () => store.readOutput(claim.id, undefined),
  readOutputBatch: () => store.readOutputBatch(claim.id, -1),
  readOutputSizes: () => store.readOutputSizes([claim.id]),
};

/** So often at once that every connection of the pool has prepared it. */
const timesEach = 16;

/** What failed, but for answers that are no failure: claims of these were never made. */
async function sayAll(): Promise<string[]> {
  const failures: string[] = [];
  for (const [name, say] of Object.entries(statements)) {
    const answers = await Promise.allSettled(Array.from({ length: timesEach }, say));
    for (const answer of answers)
      if (answer.status === 'rejected' && !(answer.reason instanceof FencedError))
        failures.push(`${name}: ${String(answer.reason)}`);
  }
  return failures;
}

/** What the rules for migrations allow: see CONTRIBUTING.md. */
async function addColumns(name: string): Promise<void> {
  const tables = await sql<{ table: string }[]>`
    select table_name as table from information_schema.tables where table_schema = 'public' order by 1`;
  for (const { table } of tables) await sql`alter table ${sql(table)} add column ${sql(name)} text`;
}

test('Q8: every statement of a node works while a newer node adds columns', {
  timeout: 120_000,
}, async () => {
  await submitInto(store, 'running');
  await store.claimKey(key, terms);
  await store.insertJob(newJob({ queue: null, once: { ...key, warnings: [] } })); // So there is an answer to read.
  expect(await sayAll()).toEqual([]);

  await addColumns('of_a_later_version');

  expect(await sayAll()).toEqual([]);
});

test('Q8: what a node stores while columns are added is what it was given', async () => {
  await database.clear();
  const sealed = Array.from({ length: timesEach }, (_, n) => Buffer.from(`what was sealed ${n}`));
  const submitAll = () =>
    Promise.all(sealed.map((bytes) => store.insertJob(newJob({ sealed: bytes, queue: null }))));
  await submitAll();

  await addColumns('of_an_even_later_version');
  await submitAll();

  const rows = await sql<{ sealed: Buffer }[]>`select sealed from job_requests`;
  const stored = rows.map((row) => String(row.sealed)).toSorted();
  expect(stored).toEqual([...sealed, ...sealed].map(String).toSorted());
});
