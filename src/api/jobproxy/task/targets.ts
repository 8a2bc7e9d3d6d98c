// Reads where a task wants its output: `stdout` and `stderr`.

import { RefusedError } from '../../../job/errors.js';
import type { JobRequest } from '../../../job/job.js';
import type { OutputTargets } from '../../../job/options/options.js';
import { nowhere, outputPathOf } from '../../../job/options/output-path.js';
import { hasLink } from '../../../queue/output-files/directory.js';
import { stepsOf } from '../../../queue/output-files/write.js';
import { Problems } from './problems.js';
import { type Fields, readText } from './values.js';

/** With a root the paths are absolute afterwards; relative ones are in a directory of the task's user. */
export function readTargets(task: Fields, root: string | undefined, problems: Problems): OutputTargets {
  const stdout = readTarget(task, 'stdout', { root, problems });
  const stderr = readTarget(task, 'stderr', { root, problems });
  return { ...(stdout !== undefined && { stdout }), ...(stderr !== undefined && { stderr }) };
}

interface Reading {
  readonly root: string | undefined;
  readonly problems: Problems;
}

/** Clients of batch systems write a colon in front. */
function readTarget(
  task: Fields,
  field: 'stdout' | 'stderr',
  { root, problems }: Reading,
): string | undefined {
  const text = readText(task[field], { field, problems });
  if (text === undefined) return undefined;
  const given = text.startsWith(':') ? text.slice(1) : text;
  if (given === '') problems.tooShort(field);
  if (root !== undefined && !given.startsWith('/') && !isDirectoryName(task.user))
    problems.add(`user: expected the name of a directory, since \`${field}\` is in it, got something else`);
  const found = outputPathOf(given, root, String(task.user));
  if ('path' in found) return found.path;
  problems.expectedWord(field, found.problem, given);
  return undefined;
}

/** A user that is missing or no text is reported elsewhere. */
function isDirectoryName(user: unknown): boolean {
  return typeof user !== 'string' || (!user.includes('/') && !/^\.{1,2}$/.test(user) && user.length < 256);
}

/** Throws `RefusedError` for a path over a symbolic link. The node that writes looks again: links may be made later. */
export async function refuseLinks({ fields }: JobRequest, root: string | undefined): Promise<void> {
  if (root === undefined) return;
  const problems = new Problems();
  for (const [field, path] of Object.entries(fields.options?.output ?? {})) {
    if (path === nowhere) continue;
    const { steps, last } = stepsOf({ root, path });
    if (await hasLink(root, [...steps, last]))
      problems.expectedWord(field, 'a path that goes over no symbolic link', path);
  }
  if (!problems.isEmpty) throw new RefusedError('invalid_request', problems.text);
}
