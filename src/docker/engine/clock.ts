import type { Engine } from './engine.js';

/** The time by which the engine dates its containers: it may be another machine's. Ours, where the engine does not tell. */
export async function engineTime(engine: Pick<Engine, 'info'>): Promise<Date> {
  return (await engine.info()).clock ?? new Date();
}
