-- Documents that the clients of LOPCO's door keep here: which pipeline belongs to a machine, and what a pipeline is. Ids are
-- the clients' own, so two owners may use the same one. `json` and not `jsonb`: it is given back as it was sent.
create table registry_documents (
  kind      text not null check (kind in ('machine', 'pipeline')),
  owner_key text not null,
  id        text not null,
  --
  document  json        not null,
  stored_at timestamptz not null default clock_timestamp(),
  primary key (kind, owner_key, id)
);

-- The history by name: the latest run that has ended. Active jobs are found by their listed name.
create index jobs_ended_pipelines on jobs (owner_key, job_name, seq)
  where door = 'lopco' and job_kind = 'pipeline' and state in ('succeeded', 'failed', 'canceled', 'lost');
