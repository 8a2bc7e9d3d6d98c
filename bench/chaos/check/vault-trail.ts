// Links entries of Vault's audit log: a wrapping token, its SecretID, the tokens made from it, and the job.
import type { History, StoredJob, VaultOperation, VaultOperationKind } from '../history/history.js';
import { groupBy } from './group-by.js';

/** One wrapping token that Vault has opened, and what was done with the SecretID in it. */
export interface Opening {
  readonly at: number;
  readonly wrappingToken: string;
  readonly wrappingAccessor: string;
  /** Undefined where no job had this wrapping token. */
  readonly job: StoredJob | undefined;
  readonly secretId: string;
  readonly secretIdAccessor: string;
  /** Accessors of the tokens that were issued for the SecretID; there should be exactly one. */
  readonly tokens: readonly string[];
}

/** `openings` are in the order of Vault's log. */
export class VaultTrail {
  readonly openings: readonly Opening[];
  readonly #operations: ReadonlyMap<VaultOperationKind, readonly VaultOperation[]>;
  readonly #owners: WrappingTokenOwners;

  constructor(history: History) {
    this.#operations = groupBy(history.vault, ({ kind }) => kind);
    this.#owners = new WrappingTokenOwners(history);
    const wrappingTokens = new Map(
      this.operations('wrap').map((operation) => [operation.gives[0] ?? '', operation.subject]),
    );
    const logins = groupBy(this.done('log in'), ({ subject }) => subject);
    const opened = new Map(this.done('unwrap').map((operation) => [operation.subject, operation]));
    this.openings = [...opened.values()].flatMap(({ at, subject: wrappingAccessor, gives }) => {
      const [secretId = '', secretIdAccessor = ''] = gives;
      const wrappingToken = wrappingTokens.get(wrappingAccessor);
      if (wrappingToken === undefined) return [];
      const tokens = (logins.get(secretId) ?? []).flatMap((login) => login.gives);
      const job = this.#owners.find(wrappingToken, at);
      return [{ at, wrappingToken, wrappingAccessor, job, secretId, secretIdAccessor, tokens }];
    });
  }

  operations(kind: VaultOperationKind): readonly VaultOperation[] {
    return this.#operations.get(kind) ?? [];
  }

  done(kind: VaultOperationKind): readonly VaultOperation[] {
    return this.operations(kind).filter(({ isDone }) => isDone);
  }

  /** Accepted, but not in the database: another rule reports that. */
  isOfMissingJob(wrappingToken: string): boolean {
    return this.#owners.isOfMissingJob(wrappingToken);
  }
}

/** Which job has which wrapping token. The clients know it, except for jobs whose submit had no answer. */
class WrappingTokenOwners {
  /** Undefined for a job that is missing in the database. */
  readonly #known: ReadonlyMap<string, StoredJob | undefined>;
  readonly #queues: ReadonlyMap<string, string>;
  readonly #unknown: ReadonlyMap<string, readonly StoredJob[]>;

  constructor({ accepted, doubtful, jobs }: History) {
    const byId = new Map(jobs.map((job) => [job.id, job]));
    const heard = new Set(accepted.map(({ id }) => id));
    this.#known = new Map(accepted.map(({ wrappingToken, id }) => [wrappingToken, byId.get(id)]));
    this.#queues = new Map(doubtful.map(({ wrappingToken, queue }) => [wrappingToken, queue]));
    this.#unknown = groupBy(
      jobs.filter(({ id }) => !heard.has(id)),
      ({ queue }) => queue,
    );
  }

  isOfMissingJob(wrappingToken: string): boolean {
    return this.#known.has(wrappingToken) && this.#known.get(wrappingToken) === undefined;
  }

  /** Jobs of a queue run one after another, so it is the job that recorded an unwrap last before this moment. */
  find(wrappingToken: string, at: number): StoredJob | undefined {
    if (this.#known.has(wrappingToken)) return this.#known.get(wrappingToken);
    const candidates = this.#unknown.get(this.#queues.get(wrappingToken) ?? '') ?? [];
    const announced = candidates.flatMap((job) => {
      const when = lastBefore(job, 'unwrapping', at)?.at;
      return when === undefined ? [] : [{ job, when }];
    });
    return announced.toSorted((a, b) => b.when - a.when)[0]?.job;
  }
}

/** The last event of a kind up to a moment, with its index among all events of the job. */
export function lastBefore(
  { events }: StoredJob,
  kind: string,
  until: number,
): { readonly at: number; readonly index: number } | undefined {
  const index = events.findLastIndex((event) => event.kind === kind && event.at <= until);
  const found = events[index];
  return found && { at: found.at, index };
}
