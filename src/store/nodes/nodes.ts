// The statements about nodes: heartbeat, list, drain.
import type { Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';

/** What a node reports with each heartbeat. */
export interface NodeFacts {
  readonly id: string;
  /** The engine's own id; undefined while it has not answered. */
  readonly engineId: string | undefined;
  readonly version: string;
  readonly slots: number;
}

export interface NodeRow extends NodeFacts {
  readonly startedAt: Date;
  readonly seenAt: Date;
  /** Set by an operator: the node finishes its jobs and claims no new ones. */
  readonly draining: boolean;
  /** Number of jobs that it works on now. */
  readonly active: number;
  /** Milliseconds since its last heartbeat, by the database's clock. */
  readonly silentMs: number;
}

/**
 * Records a heartbeat or the start of a node. Returns whether an operator has drained it, which is kept across restarts. An
 * engine that does not answer keeps its last known id.
 */
export async function seeNode(
  sql: Sql,
  node: NodeFacts,
  isStart = false,
): Promise<{ readonly draining: boolean }> {
  const rows = await guarded(
    () => sql<{ draining: boolean }[]>`
      insert into nodes as n (id, engine_id, version, slots)
      values (${node.id}, ${node.engineId ?? null}, ${node.version}, ${node.slots})
      on conflict (id) do update set
        engine_id = coalesce(excluded.engine_id, n.engine_id), version = excluded.version, slots = excluded.slots,
        started_at = case when ${isStart} then clock_timestamp() else n.started_at end,
        seen_at = clock_timestamp()
      returning draining`,
  );
  return { draining: rows[0]?.draining === true };
}

/** Every node that ever wrote to this database, the most recently seen first. */
export async function listNodes(sql: Sql): Promise<NodeRow[]> {
  const rows = await guarded(
    () => sql<(Omit<NodeRow, 'engineId'> & { engineId: string | null })[]>`
      select id, engine_id, version, slots, started_at, seen_at, draining,
             (select count(*)::int from jobs
              where jobs.node = nodes.id and state in ('preparing', 'running', 'stopping')) as active,
             (extract(epoch from clock_timestamp() - seen_at) * 1000)::float8 as silent_ms
      from nodes order by seen_at desc, id`,
  );
  return rows.map((row) => ({ ...row, engineId: row.engineId ?? undefined }));
}

/**
 * Drains a node, or ends the drain. It applies from the node's very next claim and is kept across restarts. False: there is
 * no such node.
 */
export async function setDraining(
  sql: Sql,
  node: string,
  draining: boolean,
  actor: string,
): Promise<boolean> {
  const rows = await guarded(
    () => sql<{ id: string }[]>`
      with found as (
        select id, draining from nodes where id = ${node} for update
      ), changed as (
        update nodes set draining = ${draining} from found
        where nodes.id = found.id and found.draining <> ${draining}
        returning nodes.id
      ), recorded as (
        insert into events (node, kind, actor)
        select id, ${draining ? 'node_drained' : 'node_reopened'}, ${actor}::text from changed
      )
      select id from found`,
  );
  return rows.length > 0;
}
