-- Heads of the chain that were signed by a key of Vault's, as they are exported. Whoever owns this database can make the chain
-- anew, but not the signatures; and a head that was exported is out of reach.
create table event_heads (
  number       bigint primary key, -- Of the link.
  --
  installation text    not null,
  head         text    not null,
  taken_at     text    not null, -- The very text that is signed.
  key          text    not null,
  key_version  integer not null,
  public_key   text    not null,
  signature    text    not null
);

create trigger event_heads_are_append_only before update or delete or truncate on event_heads
  for each statement execute function refuse_change();

-- As before.
create or replace function grant_server_rights(server name) returns void language plpgsql as $$
begin
  execute format('grant usage on schema drizzle, %I to %I', current_schema(), server);
  execute format('grant select on all tables in schema drizzle to %I', server);
  execute format('grant select, insert, update, delete on all tables in schema %I to %I', current_schema(), server);
  execute format('grant usage on all sequences in schema %I to %I', current_schema(), server);
  execute format('revoke insert, update, delete on events, event_clock from %I', server);
  execute format('revoke update, delete on event_chain, event_heads from %I', server);
  execute format('grant insert (job_id, queue, node, kind, actor, detail) on events to %I', server);
end
$$;
