-- The chain over the history. Events are written as before, without waiting for anything; maintenance puts them into links, in
-- the order of the numbers of their transactions. A transaction below the oldest one that is under way has ended for good:
-- nothing is added below it, so nothing is skipped and nothing comes in behind a link. `docs/audit.md` says what is hashed.
--
-- Of the events before this migration nobody knows the transaction: 0, by a default that costs no rewrite of the table.
alter table events add column tx bigint not null default 0;
alter table events alter column tx set default (pg_current_xact_id()::text::bigint);
create index events_by_tx on events (tx, seq);

create table event_chain (
  number    bigint primary key,
  --
  last_tx   bigint      not null, -- Of its last event: the next link begins behind it.
  last_seq  bigint      not null,
  events    integer     not null,
  seqs      bigint[],             -- The numbers of its events, and 32 bytes for each. Null once they are forgotten.
  digests   bytea,
  list_hash bytea       not null, -- Over seqs and digests.
  head      bytea       not null, -- Over the head before, `last_tx` and `list_hash`.
  sealed_at timestamptz not null default clock_timestamp()
);

-- The first link has no events. Its head belongs to this installation alone.
insert into event_chain (number, last_tx, last_seq, events, seqs, digests, list_hash, head)
values (0, 0, 0, 0, '{}', '', sha256(''), sha256(convert_to(gen_random_uuid()::text, 'UTF8')));

-- A server that was restored from a dump counts its transactions from the beginning. What is added to their numbers then.
create table event_clock (ahead bigint not null);
insert into event_clock values (0);

-- For the owner of the tables, at each migration: goes on with numbers above those in the history. True: it had to.
create function continue_after_restore() returns boolean language plpgsql as $$
declare
  latest bigint := greatest((select max(tx) from events), (select max(last_tx) from event_chain), 0);
begin
  if latest < pg_snapshot_xmax(pg_current_snapshot())::text::bigint + (select ahead from event_clock) then
    return false;
  end if;
  update event_clock set ahead = latest + 1;
  execute format('alter table events alter column tx set default (pg_current_xact_id()::text::bigint + %s)', latest + 1);
  return true;
end
$$;

-- As before, but `forget_events` may do what nothing else may. Whoever can set that variable for a deletion that counts is the
-- owner of the tables, who could drop the triggers as well.
create or replace function refuse_change() returns trigger language plpgsql as $$
begin
  if tg_op <> 'TRUNCATE' and current_setting('stint.forgetting', true) = 'on' then
    return null;
  end if;
  raise exception 'The table % is append-only.', tg_table_name using errcode = 'insufficient_privilege';
end
$$;

create trigger event_chain_is_append_only before update or delete or truncate on event_chain
  for each statement execute function refuse_change();

-- Retention: deletes the events of the oldest links that were sealed before `until`, of a hundred links at most, and says so
-- in the history. The links stay without their lists, so the chain can still be followed from its beginning. Returns how many
-- events it deleted; 0: nothing is left to do. For the owner, or for whom the owner lets.
create function forget_events(until timestamptz, actor text) returns bigint
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
revoke execute on function forget_events(timestamptz, text) from public;
-- It means these tables, whatever its caller has made under the same names.
do $$
begin
  execute format('alter function forget_events(timestamptz, text) set search_path = %I, pg_temp', current_schema());
end
$$;

-- As before. Of an event the server gives what happened; number, time and transaction are Postgres' own.
create or replace function grant_server_rights(server name) returns void language plpgsql as $$
begin
  execute format('grant usage on schema drizzle, %I to %I', current_schema(), server);
  execute format('grant select on all tables in schema drizzle to %I', server);
  execute format('grant select, insert, update, delete on all tables in schema %I to %I', current_schema(), server);
  execute format('grant usage on all sequences in schema %I to %I', current_schema(), server);
  execute format('revoke insert, update, delete on events, event_clock from %I', server);
  execute format('revoke update, delete on event_chain from %I', server);
  execute format('grant insert (job_id, queue, node, kind, actor, detail) on events to %I', server);
end
$$;
