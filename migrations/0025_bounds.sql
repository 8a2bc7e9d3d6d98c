-- What waits, for each owner and in all: how many requests are stored, and how many bytes. A submit reads these few rows and
-- counts nothing, however much waits.
--
-- An owner has several rows, and their sum counts; '' stands for all owners. A change takes any row that nobody has locked, or
-- adds one: so it never waits for another change, and two can never wait for each other. Maintenance puts them together again.
create table waiting_totals (
  id        bigint generated always as identity primary key,
  --
  owner_key text    not null,
  jobs      integer not null,
  bytes     bigint  not null
) with (fillfactor = 50);
create index waiting_totals_by_owner on waiting_totals (owner_key);

create function add_waiting(owner text, more_jobs integer, more_bytes bigint) returns void language plpgsql as $$
declare
  whose text;
begin
  foreach whose in array array['', owner] loop
    update waiting_totals set jobs = jobs + more_jobs, bytes = bytes + more_bytes
    where id = (select id from waiting_totals where owner_key = whose limit 1 for update skip locked);
    if not found then
      insert into waiting_totals (owner_key, jobs, bytes) values (whose, more_jobs, more_bytes);
    end if;
  end loop;
end
$$;

-- The owner of the job: a request that goes with its job can no longer ask it. Null where a node of the version before stored
-- the request: it is counted neither when it comes nor when it goes. Not `owner_key`: statements of that version join both tables
-- and name the column alone.
alter table job_requests add column counted_for text;

-- The change of the table has locked it: no request comes or goes until all of this is there.
update job_requests set counted_for = jobs.owner_key from jobs where jobs.id = job_id;
insert into waiting_totals (owner_key, jobs, bytes)
select counted_for, count(*), sum(octet_length(sealed)) from job_requests group by counted_for
union all
select '', count(*), coalesce(sum(octet_length(sealed)), 0) from job_requests;

-- Triggers, because requests go in many statements, and with their jobs. With the rights of the owner: nodes of the version
-- before have none on the new table until these are given.
create function count_request() returns trigger language plpgsql security definer as $$
begin
  case tg_op
    when 'INSERT' then perform add_waiting(new.counted_for, 1, octet_length(new.sealed));
    when 'UPDATE' then perform add_waiting(new.counted_for, 0, octet_length(new.sealed) - octet_length(old.sealed));
    else perform add_waiting(old.counted_for, -1, -octet_length(old.sealed));
  end case;
  return null;
end
$$;
do $$
begin
  execute format('alter function count_request() set search_path = %I, pg_temp', current_schema());
end
$$;

create trigger job_requests_come after insert on job_requests
  for each row when (new.counted_for is not null) execute function count_request();
create trigger job_requests_change after update of sealed on job_requests
  for each row when (new.counted_for is not null) execute function count_request();
create trigger job_requests_go after delete on job_requests
  for each row when (old.counted_for is not null) execute function count_request();

-- What retention reads: jobs that have ended and are nobody's child, the oldest first.
create index jobs_to_remove on jobs (door, finished_at)
  where parent is null and state in ('succeeded', 'failed', 'canceled', 'lost');
