// Converts queues, nodes, jobs and containers to the JSON of the native routes.

import type { ReapCandidate } from '../../queue/maintenance/reaper.js';
import type {
  FoundRead,
  JobDetail,
  NodeView,
  QueueDetail,
  QueueView,
  ReadChoice,
} from '../../queue/operations.js';
import { queuePath } from './read.js';
import type {
  WireCandidate,
  WireJobDetail,
  WireNode,
  WireQueue,
  WireQueueDetail,
  WireSecretReads,
} from './wire.js';

export function toWireQueue(queue: QueueView): WireQueue {
  const { name, state, holder, waiting, pause, hold } = queue;
  return {
    name,
    path: queuePath(name),
    state,
    holder: holder === undefined ? null : toWireHolder(holder),
    waiting,
    oldest_since: toTime(queue.oldestSince),
    pause: pause === undefined ? null : { at: toTime(pause.at), by: pause.by, reason: pause.reason },
    hold: hold === undefined ? null : toWireHold(hold),
    max_waiting: queue.maxWaiting ?? null,
    hold_on_failure: queue.holdOnFailure,
  };
}

export function toWireQueueDetail(queue: QueueDetail): WireQueueDetail {
  return { ...toWireQueue(queue), why: queue.why };
}

function toWireHolder({ id, state, node, message }: NonNullable<QueueView['holder']>): WireQueue['holder'] {
  return { id, state, node: node ?? null, message: message ?? null };
}

function toWireHold({ job, reason, until }: NonNullable<QueueView['hold']>): WireQueue['hold'] {
  return { job: job ?? null, reason, until: toTime(until) };
}

export function toWireNode(node: NodeView): WireNode {
  const { id, version, slots, active, alive, draining } = node;
  return {
    id,
    alive,
    draining,
    version,
    slots,
    active,
    engine_id: node.engineId ?? null,
    started_at: toTime(node.startedAt),
    seen_at: toTime(node.seenAt),
  };
}

export function toWireJobDetail(known: JobDetail): WireJobDetail {
  const { job, fence, output, token, wrapExpiresAt, events } = known;
  return {
    id: job.id,
    queue: job.queue,
    door: job.door,
    owner: job.owner.displayName,
    state: job.state,
    reason: job.reason ?? null,
    code: job.code ?? null,
    message: job.message ?? null,
    node: job.node ?? null,
    fence: fence ?? null,
    submitted_at: toTime(job.submittedAt),
    started_at: toTime(job.startedAt),
    finished_at: toTime(job.finishedAt),
    wrap_expires_at: toTime(wrapExpiresAt),
    kill: toWireKill(known),
    image: job.image ?? null,
    image_id: job.imageId ?? null,
    image_digest: job.imageDigest ?? null,
    container_id: job.containerId ?? null,
    published_ports: job.publishedPorts.map((port) => ({ ...port })),
    exit_code: job.exitCode ?? null,
    out_of_memory: job.outOfMemory,
    name: job.label.name ?? null,
    project: job.label.project ?? null,
    requester: job.label.requester ?? null,
    options: { ...job.options },
    parent: job.parent ?? null,
    is_parent: job.isParent,
    unlisted_at: toTime(job.unlistedAt),
    output: {
      stdout_bytes: output.stdoutBytes,
      stderr_bytes: output.stderrBytes,
      complete: output.complete,
      flaw: output.flaw ?? null,
    },
    token,
    events: events.map(({ at, kind, actor, detail }) => ({ at: toTime(at), kind, actor, detail })),
  };
}

function toWireKill({ job, killProblem }: JobDetail): WireJobDetail['kill'] {
  const { killRequestedAt: at, killRequestedBy: by } = job;
  return at === undefined ? null : { at: toTime(at), by: by ?? null, trouble: killProblem ?? null };
}

export function toWireCandidate(found: ReapCandidate): WireCandidate {
  return {
    container_id: found.containerId,
    container_name: found.containerName,
    job: found.jobId ?? null,
    node: found.node,
    age_ms: found.ageMs,
    reason: found.reason,
  };
}

function toTime(time: Date): string;
function toTime(time: Date | undefined): string | null;
function toTime(time: Date | undefined): string | null {
  return time?.toISOString() ?? null;
}

export function toWireSecretReads({ path, limit }: ReadChoice, found: readonly FoundRead[]): WireSecretReads {
  const last = found.length < limit ? undefined : found.at(-1);
  return {
    path,
    reads: found.map(({ jobId, at, actor, version, read }) => ({
      job: jobId,
      at: toTime(at) ?? '',
      actor,
      version: version === '0' ? null : Number(version),
      keys: [...(read.keys ?? [])],
      lease: read.lease ?? null,
    })),
    next: last === undefined ? null : `${last.version}.${last.seq}`,
  };
}
