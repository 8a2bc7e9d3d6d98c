// Reads cores, memory and CPU time of a task.

import type { Limits } from '../../../job/options/options.js';
import { parseSize } from '../../../job/size.js';
import type { Problems } from './problems.js';
import { type Fields, isGiven, largestNumber, type Place, readWhole, wholeOf } from './values.js';

const msPerHour = 3_600_000;

/** What is not given is limited as the operator set it for all jobs. No cores at all means that as well. */
export function readLimits(task: Fields, memoryUnitBytes: number, problems: Problems): Limits {
  const cpus = readWhole(task.cores, { field: 'cores', problems }, { least: 0, most: largestNumber });
  const memoryBytes = readMemory(task.memory, memoryUnitBytes, { field: 'memory', problems });
  const hours = readWhole(task.cputime, { field: 'cputime', problems }, { least: 1, most: longestHours });
  return {
    ...(cpus !== undefined && cpus > 0 && { cpus }),
    ...(memoryBytes !== undefined && { memoryBytes }),
    ...(hours !== undefined && { cpuTimeMs: hours * msPerHour }),
  };
}

/** As many milliseconds as a number holds exactly. */
const longestHours = Math.floor(Number.MAX_SAFE_INTEGER / msPerHour);

/** A plain number counts units; with a unit of its own, as in `2G` or `512Mi`, a text is exact. */
function readMemory(value: unknown, unitBytes: number, place: Place): number | undefined {
  if (!isGiven(value)) return undefined;
  const bytes = typeof value === 'string' && wholeOf(value) === undefined ? sizeOf(value) : undefined;
  if (bytes !== undefined) return bytes;
  const number = readWhole(value, place, { least: 1, most: largestNumber });
  return number === undefined ? undefined : number * unitBytes;
}

/** Batch systems mean binary units by a single capital letter. */
function sizeOf(text: string): number | undefined {
  const trimmed = text.trim();
  return parseSize(/^[\d.]+[BKMGT]$/.test(trimmed) ? trimmed.toLowerCase() : trimmed);
}
