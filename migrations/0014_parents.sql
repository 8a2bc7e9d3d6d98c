-- Parents: jobs that run no container but start others, their children, until they have ended. No node holds a parent: any
-- node carries it on, in statements that name its `revision` and change nothing when it is an old one. So nothing of it is
-- lost with a node, and no step is taken twice.
--
-- The checks allow all that they allowed before. They are not validated, so the table is not read while it is locked.
alter table jobs
  add column is_parent boolean not null default false,
  add column parent    text references jobs (id) on delete cascade,
  add column slot      integer,                      -- The parent's own number for a child.
  add column noted     boolean not null default false, -- The parent has taken the end of this child into its progress.
  drop constraint jobs_lease_exactly_when_active,
  drop constraint jobs_claimed_when_active,
  drop constraint jobs_turn_when_active,
  drop constraint jobs_turn_without_queue,
  add constraint jobs_lease_exactly_when_active check
    ((lease_until is not null) = (state in ('preparing', 'running', 'stopping') and not is_parent)) not valid,
  add constraint jobs_claimed_when_active check
    (is_parent or state not in ('preparing', 'running', 'stopping') or (node is not null and fence is not null)) not valid,
  add constraint jobs_turn_when_active check
    (is_parent or turn or state not in ('preparing', 'running', 'stopping')) not valid,
  add constraint jobs_turn_without_queue check
    (is_parent or queue is not null or turn or state <> 'queued') not valid,
  add constraint jobs_parent_is_in_no_queue check
    (not is_parent or (queue is null and not turn and parent is null)) not valid,
  add constraint jobs_slot_exactly_when_child check ((slot is null) = (parent is null)) not valid;

create table parents (
  job_id text primary key references jobs (id) on delete cascade,
  --
  revision bigint      not null default 0, -- Grows with every step, and with everything that may change what the next one is.
  progress jsonb       not null,
  due_at   timestamptz                     -- When a node is to carry it on; null: not before something happens.
) with (fillfactor = 50);

create index parents_due on parents (due_at) where due_at is not null;
-- What the admission reads.
create index jobs_parents on jobs (door, state, seq) where is_parent and state in ('queued', 'preparing', 'running', 'stopping');
-- What a step reads, however many children have come and gone.
create index jobs_open_children on jobs (parent, seq) where parent is not null and not noted;
create index jobs_children on jobs (parent, seq) where parent is not null;

-- A trigger, because jobs end in several statements and none may slip through.
create function wake_parent() returns trigger language plpgsql as $$
begin
  update parents set revision = revision + 1, due_at = clock_timestamp() where job_id = coalesce(new.parent, new.id);
  return null;
end
$$;

create trigger jobs_wake_parent after update of state, kill_requested_at on jobs
  for each row when (
    (new.parent is not null and new.state <> old.state and new.state in ('succeeded', 'failed', 'canceled', 'lost'))
    or (new.is_parent and new.state in ('preparing', 'running', 'stopping') and new.kill_requested_at is not null
        and old.kill_requested_at is null)
  )
  execute function wake_parent();

-- A parent runs from the moment when its first child does.
create function start_parent() returns trigger language plpgsql as $$
begin
  update jobs set state = 'running' where id = new.parent and state = 'preparing';
  if found then
    insert into events (job_id, kind, actor) values (new.parent, 'running', coalesce('node:' || new.node, 'stint'));
  end if;
  return null;
end
$$;

create trigger jobs_start_parent after update of state on jobs
  for each row when (new.parent is not null and new.state = 'running' and old.state <> 'running')
  execute function start_parent();

-- Lets waiting parents of a door begin, oldest first, so that no more than `most` are under way; null: all of them. It is a
-- function because it needs a snapshot behind the lock: two nodes at once would each count without the other.
create function admit_parents(door_name text, most integer, actor text) returns setof text language plpgsql as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('stint parents of ' || door_name, 0));
  return query
  with waiting as (
    select id from jobs where is_parent and door = door_name and state = 'queued'
    order by seq
    limit case when most is not null then greatest(0, most - (
      select count(*) from jobs where is_parent and door = door_name and state in ('preparing', 'running', 'stopping'))) end
    for update skip locked
  ), admitted as (
    update jobs set state = 'preparing', started_at = clock_timestamp() from waiting where jobs.id = waiting.id
    returning jobs.id
  ), due as (
    update parents set revision = revision + 1, due_at = clock_timestamp() from admitted where job_id = admitted.id
  ), recorded as (
    insert into events (job_id, kind, actor) select id, 'admitted', admit_parents.actor from admitted
  )
  select id from admitted;
end
$$;
