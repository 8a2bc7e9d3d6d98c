import { readdir, readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { findUnsafe } from '../support/migration-rules.js';

/** Of the first version: nobody was there before. */
const first = ['0001_jobs.sql', '0002_job_output.sql', '0003_events.sql'];
const names = (await readdir('migrations')).filter((name) => name.endsWith('.sql') && !first.includes(name));

test.each(names)('Q8: nodes of the version before can work on while and after %s is made', async (name) => {
  expect(findUnsafe(await readFile(`migrations/${name}`, 'utf8'))).toEqual([]);
});

test.each([
  ['a table that is dropped', 'drop table queues;'],
  ['a column that is dropped', 'alter table jobs add column b text, drop column a;'],
  ['a function that is dropped', 'drop function pass_turn(text);'],
  ['a new name', 'alter table jobs rename column state to status;'],
  ['a column that must be filled', 'alter table jobs alter column node set not null;'],
  ['a new column that must be filled', 'alter table jobs add column a text, add column b text not null;'],
  ['another type', 'alter table jobs alter column fence type integer;'],
  ['a new check', 'alter table jobs add constraint c check (a > 0);'],
])('%s is found', (_, text) => {
  expect(findUnsafe(text)).toHaveLength(1);
});

test.each([
  ['a new column', 'alter table jobs add column a text, add column b integer not null default 0;'],
  ['a column that may be empty from now on', 'alter table events alter column job_id drop not null;'],
  ['a new table', 'create table nodes (id text not null);'],
  ['what a function does with its own', 'create function f() returns void as $$ drop table x; $$;'],
  ['what a comment says', '-- drop table x;\nselect 1;'],
])('%s is allowed', (_, text) => {
  expect(findUnsafe(text)).toEqual([]);
});
