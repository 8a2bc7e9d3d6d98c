import type { History, StoredJob, VaultOperation, VaultOperationKind } from '../history/history.js';
import { groupBy } from './group-by.js';

/** One wrap that Vault has opened, and what became of the SecretID in it. */
export interface Opening {
  readonly at: number;
  readonly wrap: string;
  readonly wrapAccessor: string;
  /** Undefined where no job had this wrap. */
  readonly job: StoredJob | undefined;
  readonly secretId: string;
  readonly secretIdAccessor: string;
  /** Accessors of what was given for the SecretID; one token, where all is well. */
  readonly tokens: readonly string[];
}

/** Follows the audit log from wrap to SecretID to token, and from a wrap to its job. */
export class VaultTrail {
  readonly openings: readonly Opening[];
  readonly #operations: ReadonlyMap<VaultOperationKind, readonly VaultOperation[]>;
  readonly #owners: WrapOwners;

  constructor(history: History) {
    this.#operations = groupBy(history.vault, ({ kind }) => kind);
    this.#owners = new WrapOwners(history);
    const wraps = new Map(
      this.operations('wrap').map((operation) => [operation.gives[0] ?? '', operation.subject]),
    );
    const logins = groupBy(this.done('log in'), ({ subject }) => subject);
    const opened = new Map(this.done('unwrap').map((operation) => [operation.subject, operation]));
    this.openings = [...opened.values()].flatMap(({ at, subject: wrapAccessor, gives }) => {
      const [secretId = '', secretIdAccessor = ''] = gives;
      const wrap = wraps.get(wrapAccessor);
      if (wrap === undefined) return [];
      const tokens = (logins.get(secretId) ?? []).flatMap((login) => login.gives);
      const job = this.#owners.find(wrap, at);
      return [{ at, wrap, wrapAccessor, job, secretId, secretIdAccessor, tokens }];
    });
  }

  operations(kind: VaultOperationKind): readonly VaultOperation[] {
    return this.#operations.get(kind) ?? [];
  }

  done(kind: VaultOperationKind): readonly VaultOperation[] {
    return this.operations(kind).filter(({ isDone }) => isDone);
  }

  /** Accepted, but not in the database: that is a finding of another kind. */
  isOfMissingJob(wrap: string): boolean {
    return this.#owners.isOfMissingJob(wrap);
  }
}

/** Which job has which wrap: the clients know, but for those they never heard of. */
class WrapOwners {
  /** Undefined for a job that is not there. */
  readonly #known: ReadonlyMap<string, StoredJob | undefined>;
  readonly #queues: ReadonlyMap<string, string>;
  readonly #unknown: ReadonlyMap<string, readonly StoredJob[]>;

  constructor({ accepted, doubtful, jobs }: History) {
    const byId = new Map(jobs.map((job) => [job.id, job]));
    const heard = new Set(accepted.map(({ id }) => id));
    this.#known = new Map(accepted.map(({ wrap, id }) => [wrap, byId.get(id)]));
    this.#queues = new Map(doubtful.map(({ wrap, queue }) => [wrap, queue]));
    this.#unknown = groupBy(
      jobs.filter(({ id }) => !heard.has(id)),
      ({ queue }) => queue,
    );
  }

  isOfMissingJob(wrap: string): boolean {
    return this.#known.has(wrap) && this.#known.get(wrap) === undefined;
  }

  /** Jobs of a queue run one after the other: the last that said it opens a wrap is the one whose wrap was opened then. */
  find(wrap: string, at: number): StoredJob | undefined {
    if (this.#known.has(wrap)) return this.#known.get(wrap);
    const candidates = this.#unknown.get(this.#queues.get(wrap) ?? '') ?? [];
    const announced = candidates.flatMap((job) => {
      const when = lastBefore(job, 'unwrapping', at)?.at;
      return when === undefined ? [] : [{ job, when }];
    });
    return announced.toSorted((a, b) => b.when - a.when)[0]?.job;
  }
}

/** The last event of a kind until a moment, with its place among all events of the job. */
export function lastBefore(
  { events }: StoredJob,
  kind: string,
  until: number,
): { readonly at: number; readonly index: number } | undefined {
  const index = events.findLastIndex((event) => event.kind === kind && event.at <= until);
  const found = events[index];
  return found && { at: found.at, index };
}
