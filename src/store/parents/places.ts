// Reads where the runs of parents are.
import { arrayText, type Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';

/** Runs of one parent at one node. */
export interface PlaceRow {
  readonly parent: string;
  readonly node: string;
  /** Those whose container runs. */
  readonly running: number;
}

/**
 * The nodes of the active runs of these parents; of one that has none at the moment the node where its newest run ended. It
 * reads the active jobs of all nodes, which are no more than their slots, and one run of each parent: never the history.
 * `parent || ''` keeps the planner from walking through all children of a parent, and a range in place of `=` from walking
 * through all jobs in their order.
 */
export async function readPlaces(sql: Sql, parents: readonly string[]): Promise<PlaceRow[]> {
  const wanted = arrayText(parents);
  return guarded(
    () => sql<PlaceRow[]>`
      with active as materialized (
        select parent, node, count(*) filter (where state in ('running', 'stopping'))::integer as running from jobs
        where state in ('preparing', 'running', 'stopping') and node is not null
          and parent || '' = any(${wanted}::text[])
        group by parent, node
      )
      select parent, node, running from active
      union all
      select idle.id, newest.node, 0 from unnest(${wanted}::text[]) as idle (id), lateral (
        select node, state from jobs where parent >= idle.id and parent <= idle.id
        order by parent desc, seq desc limit 1
      ) as newest
      where newest.state in ('succeeded', 'failed', 'canceled', 'lost') and newest.node is not null
        and not exists (select from active where active.parent = idle.id)
      order by parent, node`,
  );
}
