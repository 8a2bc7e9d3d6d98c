-- Where the engine published the ports of a job's container: it may have chosen them. A list of objects, `container` and
-- `host`; null where nothing was published, or before the container ran.
alter table jobs add column published_ports jsonb;
