import type { Job } from '../job/job.js';
import type { jobs } from './schema.js';

/** A row of `jobs`, read by either client: both give camel case and dates. */
export type JobRow = typeof jobs.$inferSelect;

/** A stored row as the model sees it: SQL's null becomes undefined. */
export function toJob(row: JobRow): Job {
  return {
    id: row.id,
    door: row.door,
    queue: row.queue,
    owner: { key: row.ownerKey, displayName: row.ownerName },
    state: row.state,
    reason: row.reason ?? undefined,
    code: row.code ?? undefined,
    message: row.message ?? undefined,
    node: row.node ?? undefined,
    image: row.image ?? undefined,
    imageId: row.imageId ?? undefined,
    tty: row.tty,
    containerId: row.containerId ?? undefined,
    exitCode: row.exitCode ?? undefined,
    outOfMemory: row.outOfMemory,
    submittedAt: row.submittedAt,
    startedAt: row.startedAt ?? undefined,
    finishedAt: row.finishedAt ?? undefined,
    killRequestedAt: row.killRequestedAt ?? undefined,
    killRequestedBy: row.killRequestedBy ?? undefined,
  };
}
