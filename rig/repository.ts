// Finds files of the repository, also for the compiled `dist/rig/`, which has only JavaScript beside it.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The path of a file that the repository holds, such as `scripts/run.mjs`. */
export function repositoryPath(...steps: string[]): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'package.json'))) {
    if (folder === dirname(folder))
      throw new Error(`Could not find the repository of stint above "${import.meta.dirname}".`);
    folder = dirname(folder);
  }
  return join(folder, ...steps);
}
