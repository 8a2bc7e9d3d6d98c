-- Parents have no node, no lease and no queue, so they need not be in the indexes that claims fill and nodes read. Each index
-- leaves out what has no key. A comparison with the key implies that: statements need not say more, and those of nodes of the
-- version before use the new indexes at once. Nothing would read the old ones any more, but each claim would go on to fill them.
--
-- The drops come first: the strongest lock is taken at once, so nobody can hold a weaker one while both wait for each other.
drop index jobs_active;
drop index jobs_leased;
drop index jobs_waiting;
drop index jobs_ended;

-- What heartbeats and the settling after a restart read.
create index jobs_active_of_node on jobs (node)
  where state in ('preparing', 'running', 'stopping') and node is not null;
-- What finds the jobs of dead nodes.
create index jobs_with_lease on jobs (lease_until)
  where state in ('preparing', 'running', 'stopping') and lease_until is not null;
-- What passing the turn reads.
create index jobs_waiting_in_queue on jobs (queue, seq) where state = 'queued' and queue is not null;
-- What a forecast reads: how long the last jobs of a queue ran.
create index jobs_ended_in_queue on jobs (queue, seq)
  where state in ('succeeded', 'failed', 'canceled', 'lost') and queue is not null;

-- When the login that the children share is to be renewed; null: never, or by each child that uses it.
alter table parents add column renew_at timestamptz;
create index parents_to_renew on parents (renew_at) where renew_at is not null;

-- As before, but what cleans up after a killed parent does not make it run again.
create or replace function start_parent() returns trigger language plpgsql as $$
begin
  update jobs set state = 'running' where id = new.parent and state = 'preparing' and kill_requested_at is null;
  if found then
    insert into events (job_id, kind, actor) values (new.parent, 'running', coalesce('node:' || new.node, 'stint'));
  end if;
  return null;
end
$$;
