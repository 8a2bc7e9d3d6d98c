-- What the role of a server may do that owns none of the tables: all that it needs, and nothing that changes history. For
-- their owner, after each migration: a new table must be given too. It may be a role without login that others are in.
create function grant_server_rights(server name) returns void language plpgsql as $$
begin
  execute format('grant usage on schema drizzle, %I to %I', current_schema(), server);
  execute format('grant select on all tables in schema drizzle to %I', server);
  execute format('grant select, insert, update, delete on all tables in schema %I to %I', current_schema(), server);
  execute format('grant usage on all sequences in schema %I to %I', current_schema(), server);
  execute format('revoke update, delete on events from %I', server);
end
$$;
