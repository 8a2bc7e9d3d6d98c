// Removes ended jobs that are too old or too many, in steps so small that nobody waits for one.
import { type Retention, type Scope, scopesOf } from '../../job/keeping/retention.js';
import type { EndedJob, Removable } from '../../store/nodes/ended-jobs.js';
import type { Store } from '../../store/store.js';
import { runPeriodically } from './periodic.js';

export interface RetentionParts {
  readonly store: Pick<
    Store,
    | 'readEndOfSurplus'
    | 'listRemovable'
    | 'countRemovable'
    | 'removeOutput'
    | 'removePipes'
    | 'removeChildren'
    | 'removeEnded'
  >;
  readonly retention: Retention;
  readonly actor: string;
  /** Jobs were removed, children counted. */
  readonly onRemoved?: ((jobs: number) => void) | undefined;
}

const minuteMs = 60_000;
const listedAtOnce = 1_000;
/** Of one statement each, so that it takes some 10 ms. */
const jobsAtOnce = 50;
const chunksAtOnce = 50;

/** How many jobs this node removed since its start. */
export class Removed {
  jobs = 0;

  add(jobs: number): void {
    this.jobs += jobs;
  }
}

/** Keeps to the rules until disposed. */
export function keepRetention(
  parts: RetentionParts & { readonly onError: (error: unknown) => void },
): AsyncDisposable {
  const stopping = new AbortController();
  const round = () => removeDueJobs(parts, stopping.signal);
  const rounds = runPeriodically({
    firstMs: minuteMs,
    intervalMs: 10 * minuteMs,
    round,
    onError: parts.onError,
  });
  return {
    [Symbol.asyncDispose]: async () => {
      stopping.abort();
      await rounds[Symbol.asyncDispose]();
    },
  };
}

/**
 * Removes all that is due now. Nothing is remembered between the steps: a run that ends in between is taken up by the next, on
 * any node, and of two at once each leaves alone what the other has locked.
 */
export async function removeDueJobs(parts: RetentionParts, stopping?: AbortSignal): Promise<void> {
  const { store, retention } = parts;
  for (const scope of scopesOf(retention)) {
    const surplus = await store.readEndOfSurplus(scope);
    for (let after: EndedJob | undefined; ; ) {
      const due = await store.listRemovable(scope, { surplus, after, limit: listedAtOnce });
      for (let at = 0; at < due.length; at += jobsAtOnce) {
        if (stopping?.aborted === true) return;
        await remove(
          parts,
          due.slice(at, at + jobsAtOnce).map(({ id }) => id),
        );
      }
      if (due.length < listedAtOnce) break;
      after = due.at(-1);
    }
  }
}

/** The output goes before the rows: what is left of a job always says what became of it. */
async function remove({ store, actor, onRemoved }: RetentionParts, ids: readonly string[]): Promise<void> {
  await inSteps(chunksAtOnce, () => store.removeOutput(ids, chunksAtOnce));
  await inSteps(chunksAtOnce, () => store.removePipes(ids, chunksAtOnce));
  const children = await inSteps(jobsAtOnce, () => store.removeChildren(ids, jobsAtOnce, actor));
  const ended = await store.removeEnded(ids, actor);
  onRemoved?.(children + ended);
}

/** Repeats a step that does so much at most until it does less. Returns how much it was together. */
async function inSteps(most: number, step: () => Promise<number>): Promise<number> {
  let all = 0;
  for (;;) {
    const done = await step();
    all += done;
    if (done < most) return all;
  }
}

/** What a run would remove now, scope by scope. */
export async function showDueJobs({
  store,
  retention,
}: Pick<RetentionParts, 'store' | 'retention'>): Promise<(Removable & { readonly scope: Scope })[]> {
  const found = [];
  for (const scope of scopesOf(retention))
    found.push({ scope, ...(await store.countRemovable(scope, await store.readEndOfSurplus(scope))) });
  return found;
}
