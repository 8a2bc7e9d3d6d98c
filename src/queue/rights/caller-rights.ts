// The rights of one caller: asks Vault once for each path and remembers the answer as long as a request takes.

import type { Caller } from '../../job/owner.js';
import { operatorPath, queuePath, queuesPath } from '../../job/rights/paths.js';
import type { AskCapabilities, OperatorArea, QueueName, Right, Rights } from '../../job/rights/rights.js';

/** Who asks, and by which token. */
export interface TokenHolder {
  readonly caller: Caller;
  readonly token: string;
}

export interface RightsParts {
  readonly capabilities: AskCapabilities;
  /** The beginning of the paths that Vault is asked for; undefined: it is asked for none. */
  readonly rightsPath: string | undefined;
  /** A caller with one of these policies has every right of operators, without a question to Vault. */
  readonly operatorPolicies: readonly string[];
}
type Granted = Awaited<ReturnType<AskCapabilities>>;

const listed: readonly Right[] = ['read', 'list'];
const noRights: ReadonlySet<string> = new Set();

/** What Vault grants; to callers with a policy of operators, all that is theirs, without asking. */
export class CallerRights implements Rights {
  readonly #ask: AskCapabilities;
  readonly #token: string;
  readonly #root: string | undefined;
  readonly #isOperator: boolean;
  /** Undefined: each time Vault is asked anew, as by what lives longer than a request. */
  readonly #known: Map<string, Promise<Granted>> | undefined;
  readonly #relied = new Map<string, Set<Right>>();

  constructor(parts: RightsParts, { caller, token }: TokenHolder, remembers: boolean) {
    this.#ask = parts.capabilities;
    this.#root = parts.rightsPath;
    this.#token = token;
    this.#isOperator = caller.policies.some((policy) => parts.operatorPolicies.includes(policy));
    this.#known = remembers ? new Map() : undefined;
  }

  async inQueues(
    needed: readonly Right[],
    queues: readonly QueueName[],
  ): Promise<'all' | readonly QueueName[]> {
    const root = this.#root;
    const mayAll = !needed.includes('create');
    if (mayAll && this.#isOperator) return 'all';
    if (root === undefined) return [];
    const all = operatorPath(root, 'jobs');
    const granted = await this.#askFor([all, ...queues.map((queue) => queuePath(root, queue))]);
    if (mayAll && this.#has(granted, all, needed)) return 'all';
    return queues.filter((queue) => this.#has(granted, queuePath(root, queue), needed));
  }

  async inLists(readNames: () => Promise<readonly string[]>): Promise<'all' | readonly QueueName[]> {
    const root = this.#root;
    if (this.#isOperator) return 'all';
    if (root === undefined) return [];
    const [all, queues, withoutQueue] = [operatorPath(root, 'jobs'), queuesPath(root), queuePath(root, null)];
    const granted = await this.#askFor([all, queues, withoutQueue]);
    if (this.#has(granted, all, listed)) return 'all';
    const unnamed = this.#has(granted, withoutQueue, listed) ? [null] : [];
    if (!this.#has(granted, queues, ['list'])) return unnamed;
    const named = await this.inQueues(listed, await readNames());
    return named === 'all' ? 'all' : [...unnamed, ...named];
  }

  async asOperator(area: OperatorArea, right: Right): Promise<boolean> {
    if (this.#isOperator) return true;
    if (this.#root === undefined) return false;
    const path = operatorPath(this.#root, area);
    return this.#has(await this.#askFor([path]), path, [right]);
  }

  async stillHold(): Promise<boolean> {
    const relied = [...this.#relied];
    if (relied.length === 0) return true;
    const paths = relied.map(([path]) => path);
    const granted = await this.#ask(this.#token, paths);
    return relied.every(([path, needed]) => allows(granted, path, [...needed]));
  }

  /** Notes what was granted: it is asked for again while something lives on it. */
  #has(granted: Granted, path: string, needed: readonly Right[]): boolean {
    if (!allows(granted, path, needed)) return false;
    this.#relied.set(path, new Set([...(this.#relied.get(path) ?? []), ...needed]));
    return true;
  }

  /** One request for the paths that are not yet known. */
  async #askFor(paths: readonly string[]): Promise<Granted> {
    const known = this.#known ?? new Map<string, Promise<Granted>>();
    const unknown = [...new Set(paths)].filter((path) => !known.has(path));
    const asked = unknown.length === 0 ? undefined : this.#ask(this.#token, unknown);
    for (const path of unknown) if (asked !== undefined) known.set(path, asked);
    const answers = await Promise.all(
      paths.map(async (path) => [path, (await known.get(path))?.get(path) ?? noRights] as const),
    );
    return new Map(answers);
  }
}

function allows(granted: Granted, path: string, needed: readonly Right[]): boolean {
  const has = granted.get(path) ?? noRights;
  return has.has('root') || (!has.has('deny') && needed.every((right) => has.has(right)));
}
