-- What happened, who did it. Append-only: a job may be deleted, its events stay, so there is no foreign key.
create table events (
  seq    bigint      generated always as identity primary key,
  at     timestamptz not null default clock_timestamp(),
  job_id text        not null,
  kind   text        not null,
  --
  actor  text  not null, -- An owner key, or `node:<id>`.
  detail jsonb not null default '{}'
);

create index events_by_job on events (job_id, seq);

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'The table % is append-only.', tg_table_name using errcode = 'insufficient_privilege';
end
$$;

create trigger events_are_append_only before update or delete or truncate on events
  for each statement execute function refuse_change();
