// Reads the clock of the engine, which may be that of another machine.
import type { Engine } from './engine.js';

/** The time by which the engine dates its containers. Our own time when the engine does not report it. */
export async function engineTime(engine: Pick<Engine, 'info'>): Promise<Date> {
  return (await engine.info()).clock ?? new Date();
}
