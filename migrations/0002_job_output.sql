-- What jobs print, in chunks as they arrive. A chunk holds bytes of both streams in the order of arrival; `runs`
-- says whose they are: 5 means five bytes of stdout, -3 means three of stderr. `position` counts the bytes the job
-- printed before the chunk, so a gap between two chunks is exactly what was dropped.
create table job_output (
  job_id   text    not null references jobs (id) on delete cascade,
  seq      integer not null,
  --
  position bigint    not null,
  runs     integer[] not null,
  bytes    bytea     not null,
  --
  primary key (job_id, seq)
);

-- lz4 stores log text three times faster than the default; a server built without it keeps the default.
do $$
begin
  alter table job_output alter column bytes set compression lz4;
exception when feature_not_supported then
  null;
end
$$;
