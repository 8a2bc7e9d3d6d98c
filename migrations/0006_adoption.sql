-- What a node needs to go on with a container that outlived its process.

-- The fence that is part of the container's name. A job that was adopted has a newer fence; its container keeps its name.
alter table jobs add column container_fence bigint;

-- How many bytes the job itself had printed on each stream when all of them were contained, masked, in this chunk and
-- those before it. Null in chunks that an older version wrote.
alter table job_output
  add column raw_stdout bigint,
  add column raw_stderr bigint;
