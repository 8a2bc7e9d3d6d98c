// The statement about secrets that a job printed, and that were masked.
import type { ClaimKey } from '../jobs/claim.js';
import { fenced } from '../jobs/fence.js';
import type { Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';

/** One event a name, with the stream where it was found first. A program may print many: only so many are told. */
const mostNames = 100;

/** Safe to repeat: a name that the job's history has already is left out. `revokes`: the job's login is revoked because of it. */
export async function recordMasked(
  sql: Sql,
  claim: ClaimKey,
  found: readonly { readonly name: string; readonly stream: string }[],
  revokes: boolean,
): Promise<void> {
  const json = JSON.stringify(found.slice(0, mostNames));
  const more = JSON.stringify(revokes ? { revokes } : {});
  await fenced(() =>
    guarded(
      () => sql<{ id: string }[]>`
        with ours as (
          select id, node from jobs
          where id = ${claim.id} and fence = ${claim.fence} and state in ('preparing', 'running', 'stopping')
        ), told as (
          select events.detail ->> 'name' as name from events join ours on events.job_id = ours.id
          where kind = 'secret_masked'
        ), new as (
          select name, min(stream) as stream from jsonb_to_recordset(${json}::text::jsonb) as found (name text, stream text)
          where name not in (select name from told)
          group by name
          order by name
          limit greatest(0, ${mostNames} - (select count(*) from told))
        ), recorded as (
          insert into events (job_id, kind, actor, detail)
          select id, 'secret_masked', 'node:' || node, jsonb_build_object('name', new.name, 'stream', new.stream) || ${more}::text::jsonb
          from ours cross join new
        )
        select id from ours`,
    ),
  );
}
