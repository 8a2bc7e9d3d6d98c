// Reads what is new in the histories of a door's jobs.
import type { Door } from '../../job/job.js';
import { arrayText, type Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';

export interface NewEvent {
  readonly seq: number;
  readonly kind: string;
  readonly jobId: string;
  readonly ownerKey: string;
  readonly queue: string | null;
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

export interface FoundEvents {
  /** Those of the door. */
  readonly events: readonly NewEvent[];
  /** The numbers of all that were looked at, of any door: they need not be looked at again. */
  readonly seqs: readonly number[];
}

type EventRow = Omit<NewEvent, Numbers> & Record<Numbers, string>;
/** Of another door: without a job. */
type OtherRow = Record<Numbers, string> & { readonly jobId: null };

/**
 * Looks at the events of a place, in their order. One that was begun earlier may be stored later: whoever must have all asks for
 * the latest again. However many events and jobs there are, it reads a few blocks for each event: `offset 0` keeps the planner
 * from reading all jobs of the door instead.
 */
export async function readNewEvents(
  sql: Sql,
  door: Door,
  { after, known, limit }: EventPlace,
): Promise<FoundEvents> {
  const rows = await guarded(
    () => sql<(EventRow | OtherRow)[]>`
      select latest.seq, kind, job.id as job_id, job.owner_key, job.queue, job.job_name, job.project,
             job.slot, job.exit_code, parent.job_name as parent_name, parent.project as parent_project, plan.progress
      from (
        select seq, kind, job_id from events
        where seq > ${after} and seq <> all(${arrayText(known)}::bigint[])
        order by seq limit ${limit}
      ) as latest
        left join lateral (select * from jobs where id = latest.job_id and door = ${door} offset 0) as job on true
        left join lateral (
          select job_name, project from jobs where id = job.parent offset 0
        ) as parent on true
        left join lateral (
          select progress from parents where job_id = coalesce(job.parent, job.id) offset 0
        ) as plan on true
      order by latest.seq`,
  );
  const ours = rows.filter((row): row is EventRow => row.jobId !== null);
  return {
    events: ours.map((row) => ({ ...row, seq: Number(row.seq) })),
    seqs: rows.map(({ seq }) => Number(seq)),
  };
}
