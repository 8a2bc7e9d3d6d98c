// Maps stored rows to the job model, and lists the columns that statements return.
import { getTableColumns } from 'drizzle-orm';
import type { Job, JobLabel } from '../../job/job.js';
import type { Sql } from '../postgres/connection.js';
import { jobs } from '../postgres/schema.js';

/** A row of `jobs`, read by either client: both give camel case and dates. */
export type JobRow = typeof jobs.$inferSelect;

const columnNames = Object.values(getTableColumns(jobs)).map(({ name }) => name);

/**
 * The columns that a statement returns for a job, each by name. Never `*`: when a newer node adds a column, Postgres rejects
 * such a prepared statement, and postgres.js 3.4.9 encodes byte values twice when it repeats it, or forgets it.
 */
export function jobColumns(sql: Sql, from: string) {
  return sql.unsafe(columnNames.map((name) => `${from}.${name}`).join(', '));
}

/** Converts a stored row to the model: SQL's null becomes undefined. */
export function toJob(row: JobRow): Job {
  return {
    id: row.id,
    door: row.door,
    queue: row.queue,
    owner: { key: row.ownerKey, displayName: row.ownerName },
    label: labelOf(row),
    options: row.options ?? {},
    state: row.state,
    reason: row.reason ?? undefined,
    code: row.code ?? undefined,
    message: row.message ?? undefined,
    node: row.node ?? undefined,
    ...imageOf(row),
    tty: row.tty,
    containerId: row.containerId ?? undefined,
    publishedPorts: row.publishedPorts ?? [],
    exitCode: row.exitCode ?? undefined,
    outOfMemory: row.outOfMemory,
    submittedAt: row.submittedAt,
    startedAt: row.startedAt ?? undefined,
    finishedAt: row.finishedAt ?? undefined,
    killRequestedAt: row.killRequestedAt ?? undefined,
    killRequestedBy: row.killRequestedBy ?? undefined,
    unlistedAt: row.unlistedAt ?? undefined,
    ...familyOf(row),
  };
}

function imageOf({ image, imageId, imageDigest }: JobRow): Pick<Job, 'image' | 'imageId' | 'imageDigest'> {
  return {
    image: image ?? undefined,
    imageId: imageId ?? undefined,
    imageDigest: imageDigest ?? undefined,
  };
}

/** The answer to a submit that an older version stored has none of it. */
function familyOf({ isParent, parent, slot }: JobRow): Pick<Job, 'isParent' | 'parent' | 'slot'> {
  return { isParent: Boolean(isParent), parent: parent ?? undefined, slot: slot ?? undefined };
}

function labelOf({ jobName, project, jobKind, requester }: JobRow): JobLabel {
  return {
    name: jobName ?? undefined,
    project: project ?? undefined,
    kind: jobKind ?? undefined,
    requester: requester ?? undefined,
  };
}
