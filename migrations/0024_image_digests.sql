-- What a job's image was when the job was prepared: the digest that its registry knows it by. Null where no registry has it,
-- and before the container existed. Unlike `image_id` it is the same on every node.
alter table jobs add column image_digest text;
