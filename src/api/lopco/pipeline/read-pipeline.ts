// Reads the documents of the two registries: what they say of a machine, and the stages of a pipeline.

import { checkFields } from '../../../job/check.js';
import { isObject, note, readFields } from '../../request/readers.js';
import { describe, quote } from '../../request/sentence.js';
import type { Machine, Stage } from './model.js';
import { inputTypes, machineShape, stage, type WireStage } from './shapes.js';
import { parseSource } from './source.js';

type Document = Readonly<Record<string, unknown>>;
type Reading<T> = T | { readonly problems: readonly string[] };

const mostStages = 100;
const usualCachePath = '/data_cache';

/** Throws nothing: the problems are one sentence each. */
export function readPipeline(document: Document): Reading<{ readonly stages: readonly Stage[] }> {
  const given = inOrder(document.stages);
  if (given === undefined) return { problems: [`stages must be a list, got ${describe(document.stages)}.`] };
  if (given.length === 0 || given.length > mostStages)
    return { problems: [`stages must be 1 to ${mostStages} stages, got ${given.length}.`] };
  const problems: string[] = [];
  const stages = given.flatMap(([key, value], index) => {
    const place = `stage ${quote(key)}`;
    const read = stage(value, place, problems);
    return read === undefined ? [] : [toStage(read, { key, position: index + 1, problems })];
  });
  return problems.length > 0 ? { problems } : { stages: stages.filter((each) => each !== undefined) };
}

/** In the order they run, each with its key: a list, or an object whose keys are numbers. */
function inOrder(stages: unknown): (readonly [string, unknown])[] | undefined {
  if (Array.isArray(stages)) return stages.map((each, index) => [String(index + 1), each]);
  if (!isObject(stages) || !Object.keys(stages).every((key) => /^\d{1,9}$/.test(key))) return undefined;
  return Object.entries(stages).toSorted(([one], [other]) => Number(one) - Number(other));
}

interface Place {
  readonly key: string;
  readonly position: number;
  readonly problems: string[];
}

function toStage(
  { id, worker: read = {}, input_map: map = [] }: WireStage,
  { key, position, problems }: Place,
): Stage | undefined {
  const { image, data_cache_path: cachePath = usualCachePath, configs = [], input } = read;
  const place = `of stage ${quote(key)}`;
  if (image === undefined) return note(problems, `worker.image ${place}`, 'an image', 'nothing');
  const type = input?.type;
  if (type === undefined)
    return note(problems, `worker.input.type ${place}`, `one of ${inputTypes.join(', ')}`, 'nothing');
  problems.push(...findLaterSources(map, position, place), ...checkWorker(image, cachePath, place));
  return {
    id: id ?? key,
    workerId: read.id ?? '',
    image,
    cachePath,
    configs: Object.fromEntries(configs),
    inputType: type,
    fileFields: read.output?.fields?.flatMap(({ name, is_file: isFile }) =>
      isFile === true && name !== undefined ? [name] : [],
    ),
    inputMap: Object.fromEntries(map),
  };
}

/** More than one colon is found when the stage begins, as in the original. */
function findLaterSources(
  map: readonly (readonly [string, string])[],
  position: number,
  place: string,
): string[] {
  return map.flatMap(([name, given]) => {
    const source = parseSource(given, position);
    const isEarlier = !('problem' in source) || given.split(':').length > 2;
    return isEarlier ? [] : [`The source ${quote(given)} of ${quote(name)} ${place} ${source.problem}.`];
  });
}

function checkWorker(image: string, cachePath: string, place: string): string[] {
  const mount = { kind: 'volume' as const, source: 'cache', target: cachePath, readOnly: false };
  const names = {
    image: `worker.image ${place}`,
    optionNames: { mounts: `worker.data_cache_path ${place}` },
  };
  return checkFields({ image, options: { mounts: [mount] } }, names);
}

export function readMachine(document: Document): Reading<Machine> {
  const problems: string[] = [];
  const read = readFields(document, machineShape, { problems });
  const { pipeline_id: pipelineId } = read;
  if (pipelineId === undefined && problems.length === 0)
    note(problems, 'pipeline_id', 'the id of a pipeline', 'nothing');
  if (pipelineId === undefined || problems.length > 0) return { problems };
  return { pipelineId, platformId: read.platform_id, platformTypeId: read.platform_type_id };
}
