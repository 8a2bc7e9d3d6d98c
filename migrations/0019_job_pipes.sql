-- What programs write to the named pipes that they asked for, in chunks of each as they arrive. `position` counts the bytes
-- that came before the chunk, so a gap between two chunks is exactly what was dropped.
create table job_pipes (
  job_id text    not null references jobs (id) on delete cascade,
  name   text    not null,
  seq    integer not null,
  --
  position bigint not null,
  bytes    bytea  not null,
  --
  primary key (job_id, name, seq)
);

-- Which pipe a piece of input is for; empty: standard input.
alter table job_input add column pipe text not null default '';
