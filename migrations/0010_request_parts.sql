-- The ciphertext of a long request on its way: it is stored part by part, and the statement that stores the job puts it
-- together in `job_requests` and deletes the parts. A part lives for a moment, or until maintenance finds that its node died.
-- Unlogged: parts that are lost with a crash of Postgres are sent again by the submit that waits for them.
create unlogged table request_parts (
  upload    uuid, -- One attempt to store one job.
  part      integer,
  --
  sealed    bytea       not null,
  stored_at timestamptz not null default clock_timestamp(),
  --
  primary key (upload, part)
);
-- What maintenance reads.
create index request_parts_by_age on request_parts (stored_at);
