// Turns a fenced statement that changed no row into a `FencedError`.
import { FencedError } from '../../job/errors.js';

/** A move that changed no row was made under an old claim. */
export async function fenced<Row>(move: () => Promise<readonly Row[]>): Promise<readonly Row[]> {
  const rows = await move();
  if (rows.length === 0) throw new FencedError('The claim of this job is no longer ours.');
  return rows;
}
