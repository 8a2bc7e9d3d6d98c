-- Until when a waiting job's wrapped SecretID is good, by Vault's clock. Null where nobody could tell at the submit.
alter table jobs add column wrap_expires_at timestamptz;

-- What the expiry of waiting jobs reads.
create index jobs_expiring on jobs (wrap_expires_at) where state = 'queued';
-- What a forecast reads: how long the last jobs of a queue ran.
create index jobs_ended on jobs (queue, seq) where state in ('succeeded', 'failed', 'canceled', 'lost');

-- An operator's deed may concern a queue or a node, and no job.
alter table events
  alter column job_id drop not null,
  add column queue text,
  add column node  text;

-- How many jobs wait behind the one that has the turn, counted no further than `most`. It is a function because it needs
-- a snapshot of its own: the caller has locked the queue's row, and what was stored before that must be counted.
create function count_waiting(queue_name text, most integer) returns integer language sql volatile as $$
  select count(*)::integer from (
    select from jobs where queue = queue_name and state = 'queued' and not turn limit most
  ) as waiting
$$;

-- Takes the turn from a job that waits for a node, where its queue is paused or held. Safe to repeat. Two snapshots, as in
-- `pass_turn`. A job whose row is locked is left alone: whoever locked it starts it, or ends it and passes the turn.
create function withhold_turn(queue_name text) returns text language plpgsql as $$
declare
  line    queues;
  waiting text;
begin
  select * into line from queues where name = queue_name for update;
  if line.paused_at is null and coalesce(line.hold_until <= clock_timestamp(), true) then
    return null;
  end if;
  update jobs set turn = false where id = (
    select id from jobs where queue = queue_name and turn and state = 'queued' for update skip locked
  ) returning id into waiting;
  if waiting is not null then
    update queues set holder = case when line.hold_until > clock_timestamp() then line.hold_job end
    where name = queue_name;
  end if;
  return waiting;
end
$$;

-- A job that failed or was lost holds its queue where failures hold. A trigger, because jobs end in several statements
-- and none may slip through; after the statement, because that may have passed the turn, which is taken back here before
-- anybody sees it. Such a hold ends by an operator alone, so it replaces one that would end by itself.
create function hold_after_failure() returns trigger language plpgsql as $$
begin
  update queues set hold_until = 'infinity', hold_job = new.id, hold_reason = 'job_' || new.state, holder = new.id
  where name = new.queue and hold_on_failure;
  if found then
    insert into events (job_id, queue, kind, actor, detail)
    values (new.id, new.queue, 'queue_held', coalesce('node:' || new.node, 'stint'),
            jsonb_build_object('why', 'job_' || new.state));
    perform withhold_turn(new.queue);
  end if;
  return null;
end
$$;

create trigger jobs_hold_after_failure after update of state on jobs
  for each row when (new.state in ('failed', 'lost') and new.state <> old.state and new.queue is not null)
  execute function hold_after_failure();
