-- Images that stint itself pulled, by engine: the only ones it ever removes. One row for every name under which it
-- pulled an image; the names of one image share its `last_used_at`.
create table pulled_images (
  engine_id text not null,
  image_id  text not null,
  reference text not null,
  --
  size_bytes   bigint      not null,
  pulled_at    timestamptz not null default clock_timestamp(),
  last_used_at timestamptz not null default clock_timestamp(),
  --
  primary key (engine_id, image_id, reference)
);

-- The removal of an image, or of a container that was made to read one, belongs to no job.
alter table events alter column job_id drop not null;
