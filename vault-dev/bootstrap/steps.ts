// Runs one step of the bootstrap: checks whether a thing exists and creates it if not.

import type { VaultApi } from './api.js';

/** Prints one line of progress. */
export type Log = (line: string) => void;

/** One thing that stint needs in Vault. */
export interface Step {
  readonly name: string;
  readonly isThere: () => Promise<boolean>;
  readonly create: () => Promise<unknown>;
}

/** What the steps of the bootstrap work with. */
export interface Workbench {
  readonly api: VaultApi;
  readonly log: Log;
}

/**
 * Creates what is missing and logs it. What exists is not changed, because somebody may have adapted it. It is no error
 * if creating it fails because another run has just created it.
 */
export async function ensure({ log }: Workbench, { name, isThere, create }: Step): Promise<void> {
  if (await isThere()) return;
  try {
    await create();
    log(`made the ${name}`);
  } catch (error) {
    if (!(await isThere())) throw error;
  }
}
