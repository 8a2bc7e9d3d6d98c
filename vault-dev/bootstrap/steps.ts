import type { VaultApi } from './api.js';

/** Takes one line of progress. */
export type Log = (line: string) => void;

/** One thing that a prepared Vault has. */
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
 * Makes what is missing, and says so. What is there stays as it is, since somebody may have changed it to his needs. Where
 * making it fails because another run has just made it, all is well.
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
