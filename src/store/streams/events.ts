// Reads what is new in the histories of a door's jobs.
import type { Door } from '../../job/job.js';
import { arrayText, type Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';

export interface NewEvent {
  readonly seq: number;
  readonly kind: string;
  readonly jobId: string;
  readonly ownerKey: string;
  readonly jobName: string | null;
  readonly project: string | null;
  readonly slot: number | null;
  readonly exitCode: number | null;
  /** Of a child. */
  readonly parentName: string | null;
  readonly parentProject: string | null;
  /** Of the parent that it is or has, as it is when this is read; null where there is none. */
  readonly progress: unknown;
}

type Numbers = 'seq';

/** The number of the last event of all. */
export async function readLastEvent(sql: Sql): Promise<number> {
  const [row] = await guarded(
    () => sql<{ last: string }[]>`select coalesce(max(seq), 0) as last from events`,
  );
  return Number(row?.last ?? 0);
}

/** Which events are wanted: after a number, but for those that are known, and of very many the first `limit`. */
export interface EventPlace {
  readonly after: number;
  readonly known: readonly number[];
  readonly limit: number;
}

/**
 * The events of a place, in their order. One that was begun earlier may be stored later: whoever must have all asks for the
 * latest again. Reads all events from there on, of any job, and only those.
 */
export async function readNewEvents(
  sql: Sql,
  door: Door,
  { after, known, limit }: EventPlace,
): Promise<NewEvent[]> {
  const rows = await guarded(
    () => sql<(Omit<NewEvent, Numbers> & Record<Numbers, string>)[]>`
      select events.seq, kind, jobs.id as job_id, jobs.owner_key, jobs.job_name, jobs.project, jobs.slot, jobs.exit_code,
             parent.job_name as parent_name, parent.project as parent_project, parents.progress
      from events join jobs on jobs.id = events.job_id
        left join jobs as parent on parent.id = jobs.parent
        left join parents on parents.job_id = coalesce(jobs.parent, jobs.id)
      where events.seq > ${after} and events.seq <> all(${arrayText(known)}::bigint[]) and jobs.door = ${door}
      order by events.seq limit ${limit}`,
  );
  return rows.map((row) => ({ ...row, seq: Number(row.seq) }));
}
