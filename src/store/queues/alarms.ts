// Records a security alarm of a request that never became a job.
import type { Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';

export interface SubmitAlarm {
  /** Null for a request without a queue. */
  readonly queue: string | null;
  readonly door: string;
  /** The owner key of the caller. */
  readonly actor: string;
  readonly code: string;
}

export async function recordSubmitAlarm(sql: Sql, { queue, door, actor, code }: SubmitAlarm): Promise<void> {
  await guarded(
    () => sql`
      insert into events (queue, kind, actor, detail)
      values (${queue}::text, 'alarm', ${actor}::text, jsonb_build_object('code', ${code}::text, 'door', ${door}::text))`,
  );
}
