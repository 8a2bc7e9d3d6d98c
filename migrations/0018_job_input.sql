-- What was sent to the standard input of jobs and not yet given to their programs. Sealed: it may hold secrets. A row is
-- deleted before its bytes are written, so that a program gets them at most once; those of ended jobs by maintenance.
create table job_input (
  job_id text   not null references jobs on delete cascade,
  seq    bigint generated always as identity,
  --
  sealed bytea  not null,
  --
  primary key (job_id, seq)
);
