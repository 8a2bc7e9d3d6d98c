-- What a client's `Idempotency-Key` was used for. A key belongs to its owner alone. A row without an answer is a submit
-- in flight; an answer holds the job's row as it was stored and the warnings given with it, so a repeat is answered as
-- the first time, also when the job has gone on or was deleted. No foreign key for that reason.
create table idempotency_keys (
  owner_key text not null,
  key       text not null,
  --
  fingerprint bytea       not null, -- Of the request, by a key that is not in this database: it holds secrets.
  claim       text        not null, -- Of the submit that works on it.
  claimed_at  timestamptz not null,
  expires_at  timestamptz not null,
  answer      jsonb,
  --
  primary key (owner_key, key)
);

-- What the clean-up reads.
create index idempotency_keys_by_expiry on idempotency_keys (expires_at);
