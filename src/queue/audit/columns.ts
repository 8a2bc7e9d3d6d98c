// Binds the columns of a job that are stored in the clear to its sealed request, so that a change of them is found.
import { createHash } from 'node:crypto';
import type { Job, JobLabel } from '../../job/job.js';

/** What the row of a job says of it from the submit to its end, beside what the seal is bound to anyway. */
export interface BoundColumns {
  readonly ownerName: string;
  readonly label: JobLabel | undefined;
  readonly options: object | null | undefined;
  readonly parent: string | null | undefined;
  readonly slot: number | null | undefined;
}

/** Kept in the sealed request. */
export interface SealedColumns {
  readonly hash: string;
  /** Apart, because a node that prepares the job may write another one into the row. */
  readonly image: string | null;
}

export function sealColumns(columns: BoundColumns, image: string | undefined): SealedColumns {
  return { hash: hashOf(columns), image: image ?? null };
}

/** What was changed; undefined: nothing. Requests that an earlier version sealed have nothing to compare with. */
export function findChange(
  sealed: SealedColumns | undefined,
  columns: BoundColumns,
  image: string | null | undefined,
): 'columns' | 'image' | undefined {
  if (sealed === undefined) return undefined;
  if (hashOf(columns) !== sealed.hash) return 'columns';
  return (image ?? null) === sealed.image ? undefined : 'image';
}

export function columnsOf({ owner, label, options, parent, slot }: Job): BoundColumns {
  return { ownerName: owner.displayName, label, options, parent, slot };
}

function hashOf({ ownerName, label, options, parent, slot }: BoundColumns): string {
  const { name = null, project = null, kind = null, requester = null } = label ?? {};
  const facts = [
    ownerName,
    name,
    project,
    kind,
    requester,
    sorted(options ?? {}),
    parent ?? null,
    slot ?? null,
  ];
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex');
}

/** With the keys of all objects in one order: Postgres keeps them in another one. What JSON leaves out is left out. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(
    entries.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, each]) => [key, sorted(each)]),
  );
}
