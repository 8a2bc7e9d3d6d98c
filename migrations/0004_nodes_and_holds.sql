-- Which nodes there are, and how they are. A node writes its own row with each beat, also when it has no job.
create table nodes (
  id         text primary key,
  --
  engine_id  text, -- The engine's own id: two nodes with the same one share an engine. Null until it answered.
  version    text        not null,
  slots      integer     not null,
  started_at timestamptz not null default clock_timestamp(),
  seen_at    timestamptz not null default clock_timestamp(),
  draining   boolean     not null default false -- Set by an operator; the node reads it with its beat.
) with (fillfactor = 50);

-- How often a node died while it held the job and had not opened its credentials.
alter table jobs add column node_deaths integer not null default 0;

-- What reads the leases of all nodes: settling what dead nodes left.
create index jobs_leased on jobs (lease_until) where state in ('preparing', 'running', 'stopping');
-- What reads the tokens that are to be revoked, of every node.
create index jobs_unrevoked on jobs (finished_at)
  where token_accessor is not null and state in ('succeeded', 'failed', 'canceled', 'lost');

-- Paused: an operator's wish. Held: the container of a lost job may still run, or a job failed where failures hold.
-- `hold_until` is infinite where only an operator may release. While held for a lost job, `holder` names that job.
alter table queues
  add column paused_at       timestamptz,
  add column paused_by       text,
  add column paused_reason   text,
  add column hold_until      timestamptz,
  add column hold_job        text,
  add column hold_reason     text,
  add column hold_engine     text, -- The engine in which the job's container may still run.
  add column max_waiting     integer,
  add column hold_on_failure boolean not null default false;

create index queues_held on queues (hold_until) where hold_until is not null;

-- As before, but nobody gets the turn while the queue is paused or held. A pause or hold that begins while somebody has
-- the turn changes nothing here: whoever makes it takes the turn from a job that waits.
create or replace function pass_turn(queue_name text) returns text language plpgsql as $$
declare
  next_id text;
  line queues;
begin
  select * into line from queues where name = queue_name for update;
  if exists (select 1 from jobs where queue = queue_name and turn) then
    return null;
  end if;
  if line.paused_at is not null or line.hold_until > clock_timestamp() then
    update queues set holder = case when line.hold_until > clock_timestamp() then line.hold_job end
    where name = queue_name;
    return null;
  end if;
  select id into next_id from jobs where queue = queue_name and state = 'queued' order by seq limit 1 for update;
  update queues set holder = next_id where name = queue_name;
  update jobs set turn = true where id = next_id;
  return next_id;
end
$$;
