// Implements the queue for the doors: submit, read, list, kill and delete jobs.
import type { Backend } from '../../executor/backend.js';
import type { Secrets, SeenWrappingToken } from '../../executor/secrets.js';
import { type ContentText, decodeContent } from '../../job/content.js';
import { JobFailedError, RefusedError } from '../../job/errors.js';
import { failpoint } from '../../job/failpoint.js';
import type { Job, JobName, JobRequest } from '../../job/job.js';
import type { Caller, Reach } from '../../job/owner.js';
import { ownerOf } from '../../job/owner.js';
import { isFinal } from '../../job/state.js';
import type { KeyClaim } from '../../store/jobs/idempotency.js';
import { type QueueForecast, queueFull } from '../../store/jobs/submit.js';
import type { Store } from '../../store/store.js';
import type { Alarms } from '../maintenance/alarms.js';
import { orLater } from '../parents/or-later.js';
import { joinOutputs } from '../parents/output.js';
import type { Parents } from '../parents/parents.js';
import { createParentJobs } from '../parents/service.js';
import {
  type JobFilter,
  type JobOutput,
  type JobPage,
  mostListed,
  type Queue,
  type SubmittedJob,
} from '../queue.js';
import { type RoomParts, refuseWithoutRoom } from '../room.js';
import { openOutput, openParentOutput } from '../streams/open-output.js';
import { warningsOf } from './forecast.js';
import { type NamelessJob, nameAndStoreJob } from './name-job.js';
import { assembleOutput } from './output-text.js';
import { readCiphertext } from './payload.js';
import { submitIdempotent } from './submit-idempotent.js';

/** What the queue needs. */
export interface QueueServiceParts extends RoomParts {
  readonly store: Store;
  readonly secrets: Pick<Secrets, 'readCubbyhole' | 'lookUpWrappingToken'>;
  readonly backend: Pick<Backend, 'checkContent'>;
  readonly sealKey: Buffer;
  /** How long a client may repeat a submit under its key. */
  readonly keyTtlMs: number;
  /** How many jobs may wait in a queue that has no limit of its own; 0: any number. */
  readonly queueLimit: number;
  /** A wrapping token that expires sooner gets a warning; 0: none does. */
  readonly wrapMinimumMs: number;
  /** A job may run now: wakes this node and the others. */
  readonly wake: () => void;
  /** A kill was recorded: tells this node and the others. */
  readonly forwardKill: (jobId: string) => void;
  readonly parents: Pick<Parents, 'admit' | 'carryOn'>;
  readonly alarms?: Pick<Alarms, 'raise'> | undefined;
}

/** The queue as the doors see it, over one database. */
export function createQueue(parts: QueueServiceParts): Queue {
  const { store } = parts;
  return {
    ...createParentJobs(parts),
    submit: (request, key, reach) =>
      key === undefined
        ? submit(parts, request, reach)
        : submitIdempotent(parts, key, request, (claim) => submit(parts, request, reach, claim)),
    get: async (id, reach) => (await find(store, id, reach)).job,
    output: async (id, reach, options) => {
      const found = await find(store, id, reach);
      return outputOf(store, found, options?.tailBytes);
    },
    openOutput: async (id, reach) => {
      const found = await find(store, id, reach);
      if (!found.job.isParent) return openOutput(store, found);
      const children = await store.listChildren(id, mostListed);
      return openParentOutput(store, children, (child) => find(store, child.id, everyone));
    },
    find: (name, reach) => findNamed(store, name, reach),
    list: (filter, reach) => list(store, filter, reach),
    listed: (filter, reach) => store.listListed({ ...filter, limit: mostListed }, reach),
    kill: (id, reach, caller, reason) => kill(parts, id, { reach, caller, reason }),
    unlist: (id, reach, caller) => unlist(parts, id, { reach, caller }),
    delete: (id, reach, caller) => remove(parts, id, { reach, caller }),
    counts: async () => {
      const rows = await store.countJobs();
      return rows.map((row) => ({ ...row, reason: row.reason ?? undefined }));
    },
  };
}

/** Everything that can be refused is checked before the cubbyhole is read: reading it spends its token. */
async function submit(
  parts: QueueServiceParts,
  request: JobRequest,
  reach: Reach | undefined,
  once?: KeyClaim,
): Promise<SubmittedJob> {
  const { content: text, ...fields } = request.fields;
  await refuseWithoutRoom(parts, request.owner.key);
  const content = await checkedContent(parts, text);
  const forecast = await readForecast(parts, request, reach);
  const wrap = await lookUpWrappingToken(parts, request);
  const ciphertext = await readCiphertext(parts, request);
  await failpoint('after-cubbyhole-read');
  const { wrapMinimumMs } = parts;
  const warnings = warningsOf({ wrap, forecast, wrapMinimumMs });
  const terms = {
    wrapLeftMs: wrap?.leftMs,
    queueLimit: parts.queueLimit,
    once: once && { ...once, warnings },
  };
  const { wrappedSecretId, parent } = request;
  const { job, ready } = await nameAndStoreJob(
    parts,
    { ...jobOf(request), ...terms },
    { wrappedSecretId, wrap, ciphertext, fields, content, plan: parent?.plan },
    request,
  );
  await failpoint('after-insert');
  if (ready) parts.wake();
  if (parent !== undefined) await orLater(() => begin(parts, job));
  return { ...job, warnings };
}

/** Its first children are there when this resolves, also where the sweep of another node let it begin. */
async function begin({ parents }: QueueServiceParts, { door, id }: Job): Promise<void> {
  await parents.admit(door);
  await parents.carryOn(id);
}

/** What of a request is stored in the clear. The image of a job with a label is shown from the start. */
function jobOf({ door, queue, owner, label, unlistAfterMs, fields, parent }: JobRequest): NamelessJob {
  const image = label === undefined ? undefined : fields.image;
  return { door, queue, owner, label, unlistAfterMs, image, options: fields.options, parent };
}

/** Fails when Postgres is unavailable, before anything is spent. Of the jobs of others it tells only who may see them. */
async function readForecast(
  { store, queueLimit }: QueueServiceParts,
  { queue, owner }: JobRequest,
  reach: Reach | undefined,
): Promise<QueueForecast> {
  const seen = reach?.everyone === true ? null : owner.key;
  const forecast = await store.readQueueForecast(queue, queueLimit, seen);
  if (forecast.full) throw queueFull(queue ?? '');
  return forecast;
}

/** The archive, after the same check as before a run. Here a problem is a refusal, and nothing is stored. */
async function checkedContent(
  parts: QueueServiceParts,
  text: ContentText | undefined,
): Promise<Uint8Array | undefined> {
  if (text === undefined || text.length === 0) return undefined;
  try {
    const content = await decodeContent(text);
    await parts.backend.checkContent(content);
    return content;
  } catch (error) {
    if (!(error instanceof JobFailedError)) throw error;
    throw new RefusedError('content_refused', error.message, { cause: error });
  }
}

/** Never throws: GoStint's clients expect a bad wrapping token to fail the job, not the submit. */
async function lookUpWrappingToken(
  parts: QueueServiceParts,
  request: JobRequest,
): Promise<SeenWrappingToken | undefined> {
  if (request.wrappedSecretId === undefined) return undefined;
  return parts.secrets.lookUpWrappingToken(request.wrappedSecretId).catch(() => undefined);
}

const everyone = { everyone: true } as const;

interface Found {
  readonly job: Job;
  readonly outputComplete: boolean;
  readonly outputFlaw: string | undefined;
}

async function find(store: Store, id: string, reach: Reach): Promise<Found> {
  const found = await store.findJob(id, reach);
  if (found === undefined) throw notFound();
  return found;
}

async function findNamed(store: Store, name: JobName, reach: Reach): Promise<Job> {
  const found = await store.findNamedJob(name, reach);
  if (found === undefined) throw notFound();
  return found.job;
}

async function outputOf(store: Store, found: Found, tailBytes: number | undefined): Promise<JobOutput> {
  const { job, outputComplete: complete, outputFlaw: flaw } = found;
  if (job.isParent) {
    const read = async ({ id }: Job) => outputOf(store, await find(store, id, everyone), tailBytes);
    return joinOutputs(await store.listChildren(job.id, mostListed), read, tailBytes);
  }
  const chunks = await store.readOutput(job.id, tailBytes);
  return assembleOutput(chunks, { complete, flaw, hasEnded: isFinal(job.state), tailBytes });
}

/** How much of each job's output a list contains. */
const listTailBytes = 4096;
/** Outputs that a list reads at once: it leaves connections of the pool to others, and holds few whole chunks. */
const listAtOnce = 4;

async function list(store: Store, filter: JobFilter, reach: Reach): Promise<JobPage> {
  const page = await store.listJobs(filter, reach);
  const jobs: JobPage['jobs'][number][] = [];
  for (let at = 0; at < page.jobs.length; at += listAtOnce) {
    const some = page.jobs.slice(at, at + listAtOnce).map(async (found) => ({
      ...found.job,
      output: await outputOf(store, found, listTailBytes),
    }));
    jobs.push(...(await Promise.all(some)));
  }
  return { jobs, total: page.total };
}

async function kill(
  parts: QueueServiceParts,
  id: string,
  { reach, caller, reason }: { reach: Reach; caller: Caller; reason?: string | undefined },
): Promise<Job> {
  const asked = await parts.store.requestKill(id, { reach, actor: ownerOf(caller).key, reason });
  if (asked === undefined) throw notFound();
  parts.forwardKill(id);
  if (asked.nextReady) parts.wake();
  if (asked.job.isParent) await orLater(() => parts.parents.carryOn(id));
  return asked.job;
}

/** The kill first: if the process ends in between, the job is still listed and the caller can repeat it. */
async function unlist(
  parts: QueueServiceParts,
  id: string,
  asker: { reach: Reach; caller: Caller },
): Promise<void> {
  await kill(parts, id, asker);
  await parts.store.unlistJob(id, { reach: asker.reach, actor: ownerOf(asker.caller).key });
}

async function remove(
  parts: QueueServiceParts,
  id: string,
  asker: { reach: Reach; caller: Caller },
): Promise<void> {
  const done = await parts.store.deleteJob(id, { reach: asker.reach, actor: ownerOf(asker.caller).key });
  if (done.nextReady) parts.wake();
  if (done.answer === 'missing') throw notFound();
  if (done.answer === 'active') throw new RefusedError('conflict', 'Cannot delete a running/stopping job');
}

/** The same text for a missing job and for a foreign one. */
function notFound(): RefusedError {
  return new RefusedError('not_found', 'not found');
}
