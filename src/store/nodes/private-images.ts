// The statements about the images that a job's own login brought to each engine.
import { arrayText, type Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';

export interface PrivateImageNames {
  readonly engineId: string;
  /** Registry, repository and digest of each. */
  readonly names: readonly string[];
}

export async function recordPrivateImages(sql: Sql, { engineId, names }: PrivateImageNames): Promise<void> {
  await guarded(
    () => sql`
      insert into private_images (engine_id, name)
      select ${engineId}::text, unnest(${arrayText(names)}::text[])
      on conflict (engine_id, name) do nothing`,
  );
}

/** Whether all of them were recorded. */
export async function arePrivateImages(sql: Sql, { engineId, names }: PrivateImageNames): Promise<boolean> {
  const different = [...new Set(names)];
  const [row] = await guarded(
    () => sql<{ found: number }[]>`
      select count(*)::int4 as found
      from private_images where engine_id = ${engineId} and name = any (${arrayText(different)}::text[])`,
  );
  return row?.found === different.length;
}
