import { FencedError } from '../../job/errors.js';

/** A move that changed no row was not ours to make. */
export async function fenced<Row>(move: () => Promise<readonly Row[]>): Promise<readonly Row[]> {
  const rows = await move();
  if (rows.length === 0) throw new FencedError('The claim of this job is no longer ours.');
  return rows;
}
