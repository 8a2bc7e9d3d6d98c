// Implements for the doors how parents are read and changed.
import { RefusedError } from '../../job/errors.js';
import type { Job } from '../../job/job.js';
import type { Reach } from '../../job/owner.js';
import { isActive, isFinal } from '../../job/state.js';
import type { Store } from '../../store/store.js';
import type { ParentJobs, Place, Revision } from '../parent-jobs.js';
import { mostListed } from '../queue.js';
import { sealWhole } from '../service/seal.js';
import { orLater } from './or-later.js';
import type { Parents } from './parents.js';
import { type ReadParent, readParent, type ViewParts } from './view.js';

export interface ParentServiceParts extends ViewParts {
  readonly store: ViewParts['store'] & Pick<Store, 'listChildren' | 'readPlaces' | 'reviseParent'>;
  readonly parents: Pick<Parents, 'carryOn'>;
}

export function createParentJobs(parts: ParentServiceParts): ParentJobs {
  const { store } = parts;
  return {
    parent: async (id, reach) => {
      const { view, failure } = await find(parts, id, reach);
      if (failure !== undefined) throw failure;
      return view;
    },
    children: async (id, reach) => {
      const { job } = await find(parts, id, reach);
      return store.listChildren(job.id, mostListed);
    },
    placesOf: (jobs) => placesOf(parts, jobs),
    revise: async (id, reach, revision) => {
      while (!(await reviseOnce(parts, await find(parts, id, reach), revision)));
      await orLater(() => parts.parents.carryOn(id));
    },
  };
}

async function placesOf(
  { store }: ParentServiceParts,
  jobs: readonly Job[],
): Promise<ReadonlyMap<string, Place>> {
  const places = new Map<string, Place>();
  const underWay = jobs.filter(({ isParent, state }) => isParent && isActive(state)).map(({ id }) => id);
  const rows = underWay.length === 0 ? [] : await store.readPlaces(underWay);
  for (const { parent, node, running } of rows) {
    const before = places.get(parent) ?? { nodes: [], running: 0 };
    places.set(parent, { nodes: [...before.nodes, node], running: before.running + running });
  }
  return places;
}

/** False: something else changed it meanwhile. */
async function reviseOnce(
  { store, sealKey }: ParentServiceParts,
  { job, key, view, request, failure }: ReadParent,
  { kind, actor, change }: Revision,
): Promise<boolean> {
  if (failure !== undefined) throw failure;
  if (isFinal(job.state)) throw new RefusedError('conflict', 'The job has ended.');
  const changed = change(view);
  if (changed === undefined) return true;
  const { progress = view.progress, plan } = changed;
  const context = { ...job, ownerKey: job.owner.key };
  const sealed = plan === undefined ? undefined : await sealWhole(sealKey, context, { ...request, plan });
  return store.reviseParent({ ...key, progress, sealed, kind, actor });
}

async function find(parts: ViewParts, id: string, reach: Reach): Promise<ReadParent> {
  const parent = await readParent(parts, id, reach);
  if (parent === undefined) throw new RefusedError('not_found', 'not found');
  return parent;
}
