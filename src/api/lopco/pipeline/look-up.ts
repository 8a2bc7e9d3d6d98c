// Looks up a machine and its pipeline in the registries when a job begins.

import type { Reach } from '../../../job/owner.js';
import type { ParentView } from '../../../job/parents/planner.js';
import { joinProblems, quote } from '../../request/sentence.js';
import type { Progress } from './model.js';
import type { PlannerParts } from './moves.js';
import { readMachine, readPipeline } from './read-pipeline.js';

type Known = { readonly progress: Progress };

/** What is found is copied: who changes a pipeline changes no job that runs. */
export async function lookUp(parts: PlannerParts, view: ParentView, progress: Progress): Promise<Known> {
  return progress.machine === undefined
    ? await lookUpMachine(parts, view, progress)
    : await lookUpPipeline(parts, view, { progress, id: progress.machine.pipelineId });
}

async function lookUpMachine(parts: PlannerParts, view: ParentView, progress: Progress): Promise<Known> {
  const which = `The machine ${quote(progress.machineId)}`;
  const document = await parts.registry.get('machine', progress.machineId, reachOf(parts, view));
  if (document === undefined) return refuse(progress, 'machine_unknown', `${which} is not registered.`);
  const machine = readMachine(document);
  if ('problems' in machine)
    return refuse(progress, 'machine_invalid', joinProblems([`${which}:`, ...machine.problems]));
  return { progress: { ...progress, machine } };
}

async function lookUpPipeline(
  parts: PlannerParts,
  view: ParentView,
  { progress, id }: { readonly progress: Progress; readonly id: string },
): Promise<Known> {
  const which = `The pipeline ${quote(id)}`;
  const document = await parts.registry.get('pipeline', id, reachOf(parts, view));
  if (document === undefined) return refuse(progress, 'pipeline_unknown', `${which} is not registered.`);
  const read = readPipeline(document);
  if ('problems' in read)
    return refuse(progress, 'pipeline_invalid', joinProblems([`${which}:`, ...read.problems]));
  return { progress: { ...progress, pipeline: read.stages } };
}

/** A job uses what its owner may see. */
function reachOf({ access }: PlannerParts, { owner }: ParentView): Reach {
  return access === 'shared' ? { everyone: true } : { everyone: false, ownerKey: owner.key };
}

function refuse(progress: Progress, code: string, message: string): Known {
  return { progress: { ...progress, over: { failure: { reason: 'payload_refused', code, message } } } };
}
