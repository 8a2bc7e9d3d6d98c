// Describes for drizzle the columns that are read through it.
import { bigint, boolean, customType, integer, jsonb, pgTable, text, timestamp } from 'drizzle-orm/pg-core';
import type { Door } from '../../job/job.js';
import type { ContainerOptions, PublishedPort } from '../../job/options/options.js';
import type { FailureReason, JobState } from '../../job/state.js';

const bytea = customType<{ data: Uint8Array }>({ dataType: () => 'bytea' });
const time = (column: string) => timestamp(column, { withTimezone: true, mode: 'date' });

/** Not the whole table: `migrations/` defines types, defaults and checks. */
export const jobs = pgTable('jobs', {
  id: text().primaryKey(),
  seq: bigint({ mode: 'number' }).notNull(),
  queue: text(),
  state: text().$type<JobState>().notNull(),
  door: text().$type<Door>().notNull(),
  ownerKey: text('owner_key').notNull(),
  ownerName: text('owner_name').notNull(),
  reason: text().$type<FailureReason>(),
  code: text(),
  message: text(),
  node: text(),
  image: text(),
  imageId: text('image_id'),
  imageDigest: text('image_digest'),
  tty: boolean().notNull(),
  containerId: text('container_id'),
  exitCode: integer('exit_code'),
  outOfMemory: boolean('out_of_memory').notNull(),
  outputComplete: boolean('output_complete').notNull(),
  outputFlaw: text('output_flaw'),
  submittedAt: time('submitted_at').notNull(),
  startedAt: time('started_at'),
  finishedAt: time('finished_at'),
  killRequestedAt: time('kill_requested_at'),
  killRequestedBy: text('kill_requested_by'),
  jobName: text('job_name'),
  project: text(),
  jobKind: text('job_kind'),
  requester: text(),
  options: jsonb().$type<ContainerOptions>(),
  unlistedAt: time('unlisted_at'),
  publishedPorts: jsonb('published_ports').$type<readonly PublishedPort[]>(),
  unlistAfterMs: bigint('unlist_after_ms', { mode: 'number' }),
  isParent: boolean('is_parent').notNull(),
  parent: text(),
  slot: integer(),
});

export const jobOutput = pgTable('job_output', {
  jobId: text('job_id').notNull(),
  seq: integer().notNull(),
  position: bigint({ mode: 'number' }).notNull(),
  runs: integer().array().notNull(),
  bytes: bytea().notNull(),
});
