// Says which file below the operator's directory a path of a job means.

import { posix } from 'node:path';

/** What goes there is kept nowhere. */
export const nowhere = '/dev/null';

const longestPath = 4096;
const longestName = 255;

export type OutputPath = { readonly path: string } | { readonly problem: string };

/**
 * The absolute path that is meant; a slash at its end stays, it stands for a directory. A relative path is below `home`.
 * Without a root nothing is written, and the path is kept as it is. The problem completes "expected …".
 */
export function outputPathOf(given: string, root: string | undefined, home: string): OutputPath {
  if (given.length > longestPath || given.includes('\0'))
    return { problem: `a path of at most ${longestPath} characters without NUL characters` };
  if (given === nowhere || root === undefined) return { path: given };
  const parts = given.split('/');
  if (parts.includes('..') || parts.some((part) => Buffer.byteLength(part) > longestName))
    return { problem: 'a path without `..` and without names of more than 255 bytes' };
  const path = given.startsWith('/') ? posix.normalize(given) : posix.join(root, home, given);
  const isBelow = path.startsWith(root === '/' ? '/' : `${root}/`);
  return isBelow ? { path } : { problem: "a path below the operator's directory for output" };
}
