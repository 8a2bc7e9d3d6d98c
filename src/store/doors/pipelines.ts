// Reads the history of pipelines by name: of each the latest run that has ended.
import type { Job } from '../../job/job.js';
import type { Reach } from '../../job/owner.js';
import { listable } from '../jobs/requests.js';
import { type JobRow, jobColumns, toJob } from '../jobs/rows.js';
import type { Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';

/** Word for word the condition of the index `jobs_ended_pipelines`, or Postgres would not use it. */
function ended(sql: Sql) {
  return sql`door = 'lopco' and job_kind = 'pipeline' and state in ('succeeded', 'failed', 'canceled', 'lost')`;
}

/** Undefined: no run within reach has ended. */
export async function readLatestPipeline(sql: Sql, name: string, reach: Reach): Promise<Job | undefined> {
  const [row] = await guarded(
    () => sql<JobRow[]>`
      select ${jobColumns(sql, 'jobs')} from jobs
      where ${ended(sql)} and job_name = ${name} and ${listable(sql, reach)}
      order by seq desc limit 1`,
  );
  return row && toJob(row);
}

/** The latest first. */
export async function listPipelineNames(sql: Sql, reach: Reach, limit: number): Promise<string[]> {
  const rows = await guarded(
    () => sql<{ name: string }[]>`
      select job_name as name from jobs
      where ${ended(sql)} and ${listable(sql, reach)}
      group by job_name order by max(seq) desc limit ${limit}`,
  );
  return rows.map(({ name }) => name);
}
