-- Which jobs read a secret: the events `secrets_read` by path and version. A hash of the path, since a path may be too long for
-- an index. The events are what counts: this can be made of them again.
create table secret_reads (
  seq       bigint not null, -- Of the event.
  path_hash bytea  not null,
  version   bigint not null, -- 0 where there is none.
  --
  job_id    text   not null,
  primary key (seq, path_hash)
);

-- What the question reads, page by page.
create index secret_reads_by_path on secret_reads (path_hash, version, seq);

create trigger secret_reads_are_append_only before update or delete or truncate on secret_reads
  for each statement execute function refuse_change();

-- As before; what is forgotten is no longer found either.
create or replace function forget_events(until timestamptz, actor text) returns bigint
language plpgsql security definer as $$
declare
  first_link bigint := (select min(number) from event_chain where number > 0 and seqs is not null);
  last_link  bigint;
  deleted    bigint;
begin
  select max(number) into last_link from (
    select number, bool_and(sealed_at < until) over (order by number) as old from event_chain
    where number >= first_link order by number limit 100
  ) as oldest where old;
  if last_link is null then
    return 0;
  end if;
  perform set_config('stint.forgetting', 'on', true);
  delete from secret_reads using event_chain
  where event_chain.number between first_link and last_link and secret_reads.seq = any (event_chain.seqs);
  delete from events using event_chain
  where event_chain.number between first_link and last_link and events.seq = any (event_chain.seqs);
  get diagnostics deleted = row_count;
  update event_chain set seqs = null, digests = null where number between first_link and last_link;
  perform set_config('stint.forgetting', 'off', true);
  insert into events (kind, actor, detail) values ('events_forgotten', forget_events.actor, jsonb_build_object(
    'first_link', first_link, 'last_link', last_link, 'events', deleted, 'sealed_before', until));
  return deleted;
end
$$;
do $$
begin
  execute format('alter function forget_events(timestamptz, text) set search_path = %I, pg_temp', current_schema());
end
$$;

-- As before.
create or replace function grant_server_rights(server name) returns void language plpgsql as $$
begin
  execute format('grant usage on schema drizzle, %I to %I', current_schema(), server);
  execute format('grant select on all tables in schema drizzle to %I', server);
  execute format('grant select, insert, update, delete on all tables in schema %I to %I', current_schema(), server);
  execute format('grant usage on all sequences in schema %I to %I', current_schema(), server);
  execute format('revoke insert, update, delete on events, event_clock from %I', server);
  execute format('revoke update, delete on event_chain, event_heads, secret_reads from %I', server);
  execute format('grant insert (job_id, queue, node, kind, actor, detail) on events to %I', server);
end
$$;
