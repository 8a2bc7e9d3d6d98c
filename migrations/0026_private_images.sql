-- Images that a job's own login brought to an engine: a job that names one by its digest is asked about at the registry first.
create table private_images (
  engine_id text not null,
  name      text not null, -- Registry, repository and digest.
  --
  added_at timestamptz not null default clock_timestamp(),
  --
  primary key (engine_id, name)
);
