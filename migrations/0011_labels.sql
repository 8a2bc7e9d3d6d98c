-- What doors other than GoStint's know of a job: a name in a project, who asked for it, what it asked of its container.
-- A door's own lists show a job until somebody takes it off (`unlisted_at`); the job itself stays for history.
-- The name is `job_name`, because statements, also those of older nodes, mean the queue by a bare `name` in subqueries.
alter table jobs
  add column job_name    text,
  add column project     text,
  add column requester   text,
  add column options     jsonb,
  add column unlisted_at timestamptz;

-- A name is free again once its job is no longer listed. Two owners never meet: one would see that the other has it.
create unique index jobs_listed_name on jobs (owner_key, door, coalesce(project, ''), job_name)
  where job_name is not null and unlisted_at is null;
-- What the lists of these doors read.
create index jobs_listed_by_door on jobs (door, owner_key, seq) where door <> 'gostint' and unlisted_at is null;
