// Begins a stage: its inputs, and its workers.

import { checkFields } from '../../../job/check.js';
import type { ParentView } from '../../../job/parents/planner.js';
import type { LopcoOptions } from '../options.js';
import { combineInputs } from './inputs.js';
import type { CurrentStage, Input, Progress, Stage } from './model.js';
import type { Move, PlannerParts } from './moves.js';
import { fail, refused, stageOf } from './stage-end.js';
import { awaitedOf, withAwaited } from './workers/awaited.js';
import { instanceOf } from './workers/secret.js';
import { type WorkerStart, workerFields } from './workers/worker.js';

/** The kind of the children that are workers. Their name is the instance. */
export const workerKind = 'worker';

/** With the next stage; without one the job has finished. */
export function beginStage({ now }: Pick<ParentView, 'now'>, progress: Progress): Move {
  const stage = stageOf(progress);
  if (stage === undefined) return { progress: { ...progress, over: {} } };
  const sources = [[{ init_source: progress.fileName }], ...progress.done.map(({ outputs }) => outputs)];
  const combined = combineInputs(stage, sources);
  const begun = { started: now.toISOString(), inputs: [], outputs: [], workers: [] };
  if ('problem' in combined)
    return fail({ ...progress, current: begun }, now, refused('inputs_invalid', combined.problem));
  return { progress: { ...progress, current: { ...begun, inputs: combined.inputs } } };
}

/** Starts the next worker of the stage; undefined: there is none. */
export function startWorker({ lopco }: PlannerParts, view: ParentView, progress: Progress): Move | undefined {
  const start = nextWorker(lopco, view, progress);
  const { current } = progress;
  if (start === undefined || current === undefined) return undefined;
  const { instance } = start;
  const fields = { ...view.fields, ...workerFields(start, lopco) };
  const [problem] = checkFields(fields);
  if (problem !== undefined) return fail(progress, view.now, refused('worker_invalid', problem));
  const label = { kind: workerKind, name: instance };
  const begun = { ...current, workers: [...current.workers, instance] };
  return {
    do: 'start',
    child: { slot: current.workers.length, queue: null, fields, label, listed: false },
    progress: { ...progress, current: withAwaited(begun, [...awaitedOf(current), { instance }]) },
  };
}

/** Undefined: all workers of the stage were started. */
function nextWorker(
  { callbackKey }: LopcoOptions,
  { id: jobId, label }: ParentView,
  progress: Progress,
): WorkerStart | undefined {
  const { machine, current } = progress;
  const stage = stageOf(progress);
  if (stage === undefined || machine === undefined || current === undefined) return undefined;
  const worker = current.workers.length;
  const input = inputOf(stage, current, worker);
  if (input === undefined) return undefined;
  const instance = instanceOf(callbackKey, { job: jobId, stage: progress.done.length, worker });
  return { jobId, jobName: label.name ?? jobId, machine, stage, instance, input };
}

/** What the worker of this number gets; undefined: there is no such worker. */
function inputOf({ inputType }: Stage, { inputs }: CurrentStage, worker: number): Input | undefined {
  if (inputType === 'single') return inputs[worker];
  return worker === 0 ? Object.assign({}, ...inputs) : undefined;
}
