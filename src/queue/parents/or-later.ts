// Takes a step of a parent for a caller whose own work is stored already.
import { BrokenError } from '../../job/errors.js';

/** What is stored is done: a step of a parent that cannot be taken now is taken by the sweep. */
export async function orLater(step: () => Promise<void>): Promise<void> {
  await step().catch((error: unknown) => {
    if (!(error instanceof BrokenError)) throw error;
  });
}
