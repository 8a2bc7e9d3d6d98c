// Finds the files that a job leaves in the data cache, and says what removes them.

import type { NewChild } from '../../../job/parents/planner.js';
import type { LopcoOptions } from '../options.js';
import type { Output, Progress, Stage } from './model.js';
import { outputsSoFar } from './workers/awaited.js';
import { workerOptions } from './workers/worker.js';

/** The kind of the child that removes files. */
export const cleanUpKind = 'clean-up';

const cachePath = '/data_cache';

/** So many arguments a program surely takes. */
const mostAtOnce = 1000;

/** No path: what a worker says must not lead out of the data cache. */
const plainName = /^\w[\w.-]{0,254}$/;

/** The job's files in the data cache: the one it began with, and those its workers named, also in the stage that runs. */
export function filesOf({ fileName, done, current, pipeline = [] }: Progress): string[] {
  const running = current === undefined ? [] : outputsSoFar(current);
  const named = [...done.map(({ outputs }) => outputs), running].flatMap((outputs, index) =>
    outputs.flatMap((output) => namesIn(output, pipeline[index])),
  );
  return [...new Set([fileName, ...named])].filter((name) => plainName.test(name));
}

/** Where a worker does not declare which of its outputs are files, any may be one. */
function namesIn(output: Output, stage: Stage | undefined): string[] {
  const { fileFields } = stage ?? {};
  return Object.entries(output ?? {}).flatMap(([name, value]) =>
    typeof value === 'string' && (fileFields?.includes(name) ?? true) ? [value] : [],
  );
}

/**
 * The next files to remove; undefined: there are none, or the operator named no image for it. What removes files gets none of
 * the secrets of the workers.
 */
export function nextCleanUp(
  progress: Progress,
  options: LopcoOptions,
): { readonly child: NewChild; readonly progress: Progress } | undefined {
  const { removed = 0 } = progress;
  const names = filesOf(progress).slice(removed, removed + mostAtOnce);
  if (options.cleanUpImage === undefined || names.length === 0) return undefined;
  const fields = {
    image: options.cleanUpImage,
    pullPolicy: 'IfNotPresent' as const,
    entrypoint: ['rm'],
    command: ['-f', '--', ...names.map((name) => `${cachePath}/${name}`)],
    options: workerOptions(cachePath, options),
  };
  const label = { kind: cleanUpKind };
  const child = { slot: 0, queue: null, fields, label, listed: false, sharesLogin: false } as const;
  return { child, progress: { ...progress, removed: removed + names.length } };
}
