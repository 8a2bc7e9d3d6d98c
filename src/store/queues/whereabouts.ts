// Reads in which queues jobs are, whoever they belong to. Nothing of it is told to callers.
import type { JobName } from '../../job/job.js';
import { placeOfJob } from '../jobs/requests.js';
import type { Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';

export interface PlacedRow {
  readonly id: string;
  readonly queue: string | null;
}

/** Undefined: there is no such job. */
export async function readPlace(sql: Sql, id: string): Promise<PlacedRow | undefined> {
  const [row] = await guarded(
    () => sql<PlacedRow[]>`select id, ${placeOfJob(sql)} as queue from jobs where id = ${id}`,
  );
  return row;
}

/** The jobs of all owners that a door lists under a name, newest first. `seq + 0`: see `listListed`. */
export async function readNamedPlaces(
  sql: Sql,
  { door, project = '', name }: JobName,
  limit: number,
): Promise<PlacedRow[]> {
  return guarded(
    () => sql<PlacedRow[]>`
      select id, ${placeOfJob(sql)} as queue from jobs
      where door = ${door} and door <> 'gostint' and unlisted_at is null
        and job_name = ${name} and coalesce(project, '') = ${project}
        and coalesce(clock_timestamp() < finished_at + unlist_after_ms * interval '1 millisecond', true)
      order by seq + 0 desc limit ${limit}`,
  );
}

/** In the order of names. */
export async function readQueueNames(sql: Sql, limit: number): Promise<string[]> {
  const rows = await guarded(
    () => sql<{ name: string }[]>`select name from queues order by name limit ${limit}`,
  );
  return rows.map(({ name }) => name);
}
