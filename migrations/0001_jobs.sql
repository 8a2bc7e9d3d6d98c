-- The line of jobs. A serial queue has at most one job that is ready or active (`turn`), by a unique index, so a
-- claim looks only at jobs that may run now: its cost does not depend on backlog, history or number of queues.

create table queues (
  name   text primary key,
  --
  holder text -- The job that has the turn: ready or active. Null when nobody waits.
) with (fillfactor = 70);

-- Grows with every claim. A write by a worker names the fence of its claim, so a late worker changes nothing.
create sequence job_fences;

create table jobs (
  id    text primary key check (id ~ '^[0-9a-f]{24}$'),
  seq   bigint generated always as identity unique,
  queue text references queues (name),
  state text not null,
  turn  boolean not null,
  --
  door               text        not null,
  owner_key          text        not null,
  owner_name         text        not null,
  reason             text,
  code               text,
  message            text,
  node               text,
  fence              bigint,
  lease_until        timestamptz,
  not_before         timestamptz,
  unwrapped_at       timestamptz,
  token_accessor     text,
  image              text,
  image_id           text,
  tty                boolean     not null default false,
  container_id       text,
  exit_code          integer,
  out_of_memory      boolean     not null default false,
  stdout_bytes       bigint      not null default 0,
  stderr_bytes       bigint      not null default 0,
  output_complete    boolean     not null default true,
  output_flaw        text,
  submitted_at       timestamptz not null default clock_timestamp(),
  started_at         timestamptz,
  finished_at        timestamptz,
  kill_requested_at  timestamptz,
  kill_requested_by  text,
  --
  constraint jobs_state_is_known check (state in
    ('queued', 'preparing', 'running', 'stopping', 'succeeded', 'failed', 'canceled', 'lost')),
  constraint jobs_reason_is_known check (reason in
    ('exit_code', 'timed_out', 'out_of_memory', 'auth_refused', 'payload_refused', 'content_refused', 'secrets_refused',
     'image_unavailable', 'start_failed', 'callback_missing', 'preempted', 'infrastructure', 'internal')),
  constraint jobs_reason_exactly_when_failed check ((reason is not null) = (state = 'failed')),
  constraint jobs_finished_exactly_when_final check
    ((finished_at is not null) = (state in ('succeeded', 'failed', 'canceled', 'lost'))),
  constraint jobs_lease_exactly_when_active check
    ((lease_until is not null) = (state in ('preparing', 'running', 'stopping'))),
  constraint jobs_claimed_when_active check
    (state not in ('preparing', 'running', 'stopping') or (node is not null and fence is not null)),
  constraint jobs_turn_when_active check (turn or state not in ('preparing', 'running', 'stopping')),
  constraint jobs_no_turn_when_final check (not turn or state not in ('succeeded', 'failed', 'canceled', 'lost')),
  constraint jobs_turn_without_queue check (queue is not null or turn or state not in ('queued')),
  constraint jobs_success_needs_exit_code_zero check (state <> 'succeeded' or coalesce(exit_code, -1) = 0),
  constraint jobs_complete_output_has_no_flaw check (output_complete = (output_flaw is null))
) with (fillfactor = 70);

-- One at a time: two jobs of one queue can never both be ready or active.
create unique index jobs_one_turn_per_queue on jobs (queue) where turn;
-- What a claim reads.
create index jobs_ready on jobs (seq) where state = 'queued' and turn;
-- What passing the turn reads.
create index jobs_waiting on jobs (queue, seq) where state = 'queued';
-- What heartbeats and the settling after a restart read.
create index jobs_active on jobs (node) where state in ('preparing', 'running', 'stopping');
-- What an owner's list reads.
create index jobs_by_owner on jobs (owner_key, seq);

-- The one-shot credentials and the request that wait with a job, sealed with a key that is not in this database.
-- A row lives until its credentials are spent or its job has ended.
create table job_requests (
  job_id text  primary key references jobs (id) on delete cascade,
  --
  sealed bytea not null
);

-- Gives the turn of a queue to its oldest waiting job, unless somebody has it. Safe to repeat.
-- It is a function because it needs two snapshots: the lock waits for a submit in flight, and only a statement that
-- begins after the lock sees the job of that submit. In one statement that job would wait for ever.
-- `for update` waits for a kill or a delete of the next job and then takes the one after it.
create function pass_turn(queue_name text) returns text language plpgsql as $$
declare
  next_id text;
begin
  perform 1 from queues where name = queue_name for update;
  if exists (select 1 from jobs where queue = queue_name and turn) then
    return null;
  end if;
  select id into next_id from jobs where queue = queue_name and state = 'queued' order by seq limit 1 for update;
  update queues set holder = next_id where name = queue_name;
  update jobs set turn = true where id = next_id;
  return next_id;
end
$$;
