-- The numbers of names that the server makes for jobs without one. A number is never drawn twice; gaps are allowed.
create sequence generated_names as bigint minvalue 0 start 0;

-- What a door tells apart in its lists, in its own word, and how long after its end a job is still listed (null: until
-- somebody takes it off).
alter table jobs
  add column job_kind        text,
  add column unlist_after_ms bigint;

-- What the sweep reads that takes jobs off.
create index jobs_to_unlist on jobs (finished_at) where unlist_after_ms is not null and unlisted_at is null;
