// Shows jobs as LOPCO does, with the stages that were done so far.

import type { Job } from '../../job/job.js';
import type { Reach } from '../../job/owner.js';
import type { Queue } from '../../queue/queue.js';
import type { DoneStage, Output, Progress } from './pipeline/model.js';
import { pipelineKind } from './request.js';
import { statusOf } from './states.js';

interface WireStage {
  readonly id: string;
  readonly outputs: readonly Output[];
  readonly inputs?: readonly object[];
  readonly started?: string | null;
  readonly completed?: string | null;
  readonly log?: string;
}

interface Source {
  readonly queue: Pick<Queue, 'parent' | 'children' | 'output'>;
  readonly reach: Reach;
  /** Of each worker, from the end; undefined: all of it. */
  readonly logBytes?: number | undefined;
}

/** Why a job failed is the last line of the last log. */
export async function toWireJob(job: Job, source: Source) {
  const { machineId = '', fileName, machine, stages } = await readJob(job, source);
  const shown = job.state === 'failed' || job.state === 'lost' ? withReason(stages, job.message) : stages;
  return {
    machine_id: machineId,
    ds_id: machineId,
    status: statusOf(job.state),
    stages: shown,
    pipeline_id: machine?.pipelineId ?? null,
    created: showTime(job.submittedAt),
    init_sources: sourcesOf(fileName),
    ...(machine?.platformId !== undefined && { ds_platform_id: machine.platformId }),
    ...(machine?.platformTypeId !== undefined && { ds_platform_type_id: machine.platformTypeId }),
  };
}

type Seen = Partial<Pick<Progress, 'machineId' | 'fileName' | 'machine'>> & {
  readonly stages: readonly WireStage[];
};

async function readJob(job: Job, source: Source): Promise<Seen> {
  if (job.door !== 'lopco' || job.label.kind !== pipelineKind) return await readForeign(job, source);
  const { queue, reach } = source;
  const { progress } = await queue.parent(job.id, reach);
  const { done, ...rest } = progress as Progress; // Only this door wrote it.
  const children = done.length === 0 ? [] : await queue.children(job.id, reach);
  const ids = new Map(children.map(({ id, label }) => [label.name, id]));
  const stages = done.map((stage) => toWireStage(stage, ids, source));
  return { ...rest, stages: [initOf(rest.fileName), ...(await Promise.all(stages))] };
}

function initOf(fileName: string | undefined): WireStage {
  return { id: 'init', outputs: sourcesOf(fileName) };
}

function sourcesOf(fileName: string | undefined): { init_source: string }[] {
  return fileName === undefined ? [] : [{ init_source: fileName }];
}

async function toWireStage(
  { id, outputs, inputs, started, completed, workers }: DoneStage,
  ids: ReadonlyMap<string | undefined, string>,
  source: Source,
): Promise<WireStage> {
  const known = workers.map((worker) => ids.get(worker)).filter((each) => each !== undefined);
  const times = { started: showTime(new Date(started)), completed: showTime(new Date(completed)) };
  return { id, outputs, inputs, ...times, log: await readLog(known, source) };
}

/** A job of another door, or a worker: it did one thing. */
async function readForeign(job: Job, source: Source): Promise<Seen> {
  const stage: WireStage = {
    id: '01',
    outputs: [],
    inputs: [],
    started: job.startedAt === undefined ? null : showTime(job.startedAt),
    completed: job.finishedAt === undefined ? null : showTime(job.finishedAt),
    log: await readLog([job.id], source),
  };
  return { stages: [initOf(undefined), stage] };
}

/** The end of what a worker printed is shown: an answer has the logs of all of them. */
const longestLogBytes = 256 * 1024;

/** What the workers of a stage printed, one after another. */
async function readLog(
  ids: readonly string[],
  { queue, reach, logBytes = longestLogBytes }: Source,
): Promise<string> {
  const texts: string[] = [];
  for (const id of ids) {
    const { combined } = await queue.output(id, reach, { tailBytes: logBytes });
    texts.push(Buffer.from(combined).toString());
  }
  return texts.join('');
}

function withReason(stages: readonly WireStage[], reason = ''): readonly WireStage[] {
  const last = stages.at(-1);
  if (last === undefined || reason === '') return stages;
  const { log = '' } = last;
  const separator = log === '' || log.endsWith('\n') ? '' : '\n';
  return [...stages.slice(0, -1), { ...last, log: `${log}${separator}${reason}\n` }];
}

/** UTC, with the six decimals of the original. */
function showTime(time: Date): string {
  return time.toISOString().replace('Z', '000Z');
}
