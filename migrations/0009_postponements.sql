-- How often a job was postponed, and since when: a job that never can begin must not be tried without end.
alter table jobs
  add column postponements      integer not null default 0,
  add column first_postponed_at timestamptz;
