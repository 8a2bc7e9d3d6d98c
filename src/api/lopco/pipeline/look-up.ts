// Looks up a machine and its pipeline in the registries when a job begins.

import type { Reach } from '../../../job/owner.js';
import type { ParentView } from '../../../job/parents/planner.js';
import type { RegistryDocument, RegistryKind } from '../../../queue/registry.js';
import { joinProblems, quote } from '../../request/sentence.js';
import { type Found, readExternal } from './external-registry.js';
import type { Progress } from './model.js';
import type { Move, PlannerParts } from './moves.js';
import { readMachine, readPipeline } from './read-pipeline.js';

type Known = { readonly progress: Progress };

/** A document that the job needs next. */
interface Wanted {
  readonly kind: RegistryKind;
  readonly id: string;
  readonly take: (
    document: RegistryDocument,
  ) => Pick<Progress, 'machine' | 'pipeline'> | { readonly problems: readonly string[] };
}

/** A registry that does not answer is asked again after this time, ... */
const pauseMs = 10_000;
/** ... so often; then the job fails. */
const mostTries = 60;

/** What is found is copied: who changes a pipeline changes no job that runs. */
export async function lookUp(parts: PlannerParts, view: ParentView, progress: Progress): Promise<Move> {
  const wanted = wantedOf(progress);
  const found = await find(parts, view, wanted);
  const which = `The ${wanted.kind} ${quote(wanted.id)}`;
  if (found === 'unavailable') return tryAgain(progress, which);
  if (found === 'missing') return refuse(progress, `${wanted.kind}_unknown`, `${which} is not registered.`);
  const known = found === 'invalid' ? noDocument : wanted.take(found.document);
  if ('problems' in known)
    return refuse(progress, `${wanted.kind}_invalid`, joinProblems([`${which}:`, ...known.problems]));
  return { progress: { ...progress, ...known, lookUps: undefined } };
}

function wantedOf({ machine, machineId }: Progress): Wanted {
  if (machine !== undefined) return { kind: 'pipeline', id: machine.pipelineId, take: takePipeline };
  return { kind: 'machine', id: machineId, take: takeMachine };
}

const takeMachine: Wanted['take'] = (document) => {
  const machine = readMachine(document);
  return 'problems' in machine ? machine : { machine };
};

const takePipeline: Wanted['take'] = (document) => {
  const read = readPipeline(document);
  return 'problems' in read ? read : { pipeline: read.stages };
};

const noDocument = {
  problems: ['Its registry must answer a JSON object of at most 1 MiB, got something else.'],
};

async function find(parts: PlannerParts, view: ParentView, { kind, id }: Wanted): Promise<Found> {
  const external = await readExternal(parts.lopco.registries, kind, id);
  if (external !== undefined) return external;
  const document = await parts.registry.get(kind, id, reachOf(parts, view));
  return document === undefined ? 'missing' : { document };
}

function tryAgain(progress: Progress, which: string): Move {
  const { lookUps = 0 } = progress;
  if (lookUps < mostTries)
    return { do: 'wait', forMs: pauseMs, progress: { ...progress, lookUps: lookUps + 1 } };
  return giveUp(progress, `${which} could not be looked up: its registry did not answer for ten minutes.`);
}

function giveUp(progress: Progress, message: string): Known {
  const failure = { reason: 'infrastructure', code: 'registry_unavailable', message } as const;
  return { progress: { ...progress, over: { failure } } };
}

/** A job uses what its owner may see. */
function reachOf({ access }: PlannerParts, { owner }: ParentView): Reach {
  return access === 'shared' ? { everyone: true } : { everyone: false, ownerKey: owner.key };
}

function refuse(progress: Progress, code: string, message: string): Known {
  return { progress: { ...progress, over: { failure: { reason: 'payload_refused', code, message } } } };
}
