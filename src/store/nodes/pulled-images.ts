// The statements about the images that stint pulled at each engine.
import type { Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';

/** An image at one engine. */
export interface ImageKey {
  readonly engineId: string;
  /** As the engine of this record names it: see docs/engines.md. */
  readonly imageId: string;
}

export interface NewPull extends ImageKey {
  /** The name that the pull gave it. */
  readonly reference: string;
  readonly sizeBytes: number;
  /** False: the image was there before, under other names. */
  readonly isNew: boolean;
}

/** Records that we pulled an image. One that the engine had before is ours only if it was recorded already. */
export async function recordPull(sql: Sql, pull: NewPull): Promise<void> {
  const { engineId, imageId, reference, sizeBytes, isNew } = pull;
  await guarded(
    () => sql`
      insert into pulled_images (engine_id, image_id, reference, size_bytes)
      select ${engineId}::text, ${imageId}::text, ${reference}::text, ${sizeBytes}::bigint
      where ${isNew}::boolean
         or exists (select from pulled_images where engine_id = ${engineId}::text and image_id = ${imageId}::text)
      on conflict (engine_id, image_id, reference) do update set last_used_at = clock_timestamp()`,
  );
}

/** Records that a job uses an image; does nothing when we did not pull it. */
export async function touchImage(sql: Sql, { engineId, imageId }: ImageKey): Promise<void> {
  await guarded(
    () => sql`
      update pulled_images set last_used_at = clock_timestamp()
      where engine_id = ${engineId} and image_id = ${imageId}`,
  );
}

export interface PulledImage {
  readonly imageId: string;
  readonly references: readonly string[];
  readonly sizeBytes: number;
}

/** The images that we pulled at an engine, the least recently used first. */
export async function listPulledImages(sql: Sql, engineId: string): Promise<PulledImage[]> {
  return guarded(
    () => sql<PulledImage[]>`
      select image_id, json_agg(reference) as references, max(size_bytes)::float8 as size_bytes
      from pulled_images where engine_id = ${engineId}
      group by image_id order by max(last_used_at), image_id`,
  );
}

/**
 * Deletes the record of an image. With an actor, who has removed the image: then an event is written, once, also when two
 * nodes do this at the same time. Without an actor, because the image is gone or no longer ours.
 */
export async function forgetImage(sql: Sql, { engineId, imageId }: ImageKey, actor?: string): Promise<void> {
  await guarded(
    () => sql`
      with gone as (
        delete from pulled_images where engine_id = ${engineId} and image_id = ${imageId}
        returning image_id, engine_id, reference, size_bytes
      )
      insert into events (job_id, kind, actor, detail)
      select null, 'image_removed', ${actor ?? null}::text,
             jsonb_build_object('id', image_id, 'engine', engine_id, 'references', jsonb_agg(reference),
                                'size_bytes', max(size_bytes))
      from gone where ${actor ?? null}::text is not null group by image_id, engine_id`,
  );
}
