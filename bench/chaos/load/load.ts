// Posts the jobs of a chaos run as several clients, kills some, and records what the clients saw.
import { setTimeout as delay } from 'node:timers/promises';
import { AnswerError, GostintClient } from '../../../demo/gostint-client.js';
import type { Accepted, DoubtfulPost, Refusal } from '../history/history.js';
import { imageName, type Stage } from '../stage/stage.js';
import { newOwnerToken } from '../stage/vault.js';
import { commandOf, type JobKind, nonceOf, pickKind } from './jobs.js';
import type { Random } from './random.js';

export interface LoadOptions {
  readonly jobs: number;
  readonly queues: number;
  readonly seed: number;
  /** Posting ends then, even where not all jobs were posted. */
  readonly until: number;
  /** Posting pauses while so many jobs have not ended. */
  readonly unended: number;
  readonly random: Random;
}

/** What the clients saw. */
export interface LoadReport {
  readonly accepted: readonly Accepted[];
  /** Answers that refuse a correct request. */
  readonly refusals: readonly Refusal[];
  /** Posts where the client does not know whether the job was accepted. */
  readonly doubtful: readonly DoubtfulPost[];
  /** How many of them had no answer at all. */
  readonly unanswered: number;
  /** How many answers were temporary refusals: 429 or 5xx. */
  readonly refusedForNow: number;
}

const clientCount = 8;
const ownerCount = 4;
const retryMs = 250;

/** Several clients of several owners post to both nodes. One client at a time uses a queue, so its order is known. */
export class Load {
  readonly #stage: Stage;
  readonly #options: LoadOptions;
  readonly #accepted: Accepted[] = [];
  readonly #doubtful: DoubtfulPost[] = [];
  readonly #refusals: Refusal[] = [];
  readonly #taken = new Set<number>();
  readonly #kills: Promise<void>[] = [];
  #owners: readonly (readonly GostintClient[])[] = [];
  #posted = 0;
  #unanswered = 0;
  #refusedForNow = 0;
  #unended = 0;

  constructor(stage: Stage, options: LoadOptions) {
    this.#stage = stage;
    this.#options = options;
  }

  get progress(): string {
    return `${this.#posted} posted, ${this.#accepted.length} accepted, ${this.#unended} not ended`;
  }

  /** Call it before the first fault, because it needs Vault. */
  async prepare(): Promise<void> {
    this.#owners = await Promise.all(Array.from({ length: ownerCount }, () => this.#newOwner()));
  }

  async run(): Promise<LoadReport> {
    const over = new AbortController();
    const counting = this.#countUnended(over.signal);
    const clients = Array.from({ length: clientCount }, (_, index) =>
      this.#work(this.#owners[index % ownerCount] ?? []),
    );
    await Promise.all(clients);
    await Promise.all(this.#kills);
    over.abort();
    await counting;
    const [unanswered, refusedForNow] = [this.#unanswered, this.#refusedForNow];
    const [accepted, doubtful, refusals] = [this.#accepted, this.#doubtful, this.#refusals];
    return { accepted, doubtful, refusals, unanswered, refusedForNow };
  }

  /** One owner with a client for each node. */
  async #newOwner(): Promise<GostintClient[]> {
    const { vault, setup, nodes } = this.#stage;
    const token = await newOwnerToken(vault, setup.clientPolicy);
    const { roleName } = setup;
    return nodes.map((node) => new GostintClient({ vault: vault.address, stint: node.url, token, roleName }));
  }

  async #countUnended(over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      const rows = await this.#stage.sql<{ count: number }[]>`
        select count(*)::int as count from jobs where state in ('queued', 'preparing', 'running', 'stopping')`.catch(
        () => [],
      );
      this.#unended = rows[0]?.count ?? this.#unended;
      await delay(retryMs, undefined, { signal: over }).catch(() => undefined);
    }
  }

  get #isOver(): boolean {
    return this.#posted >= this.#options.jobs || Date.now() > this.#options.until;
  }

  async #work(clients: readonly GostintClient[]): Promise<void> {
    while (!this.#isOver) {
      const queue = this.#options.random.between(0, this.#options.queues - 1);
      if (this.#unended >= this.#options.unended || this.#taken.has(queue)) {
        await delay(retryMs / 10);
        continue;
      }
      this.#taken.add(queue);
      await this.#postOne(clients, queue);
      this.#taken.delete(queue);
    }
  }

  async #postOne(clients: readonly GostintClient[], queue: number): Promise<void> {
    const { random, seed } = this.#options;
    const job = { kind: pickKind(random), nonce: nonceOf(seed, this.#posted++), queue: `chaos-${queue}` };
    const isSealed = random.next() < 0.5;
    while (Date.now() < this.#options.until + giveUpMs) {
      const client = clients[random.between(0, clients.length - 1)];
      if (client === undefined) return;
      const request = await prepare(client, job, isSealed).catch(() => undefined); // Vault may be sealed right now.
      const isDone = request !== undefined && (await this.#post(client, request, job));
      if (isDone) return;
      await delay(retryMs);
    }
  }

  /** False where the job is certainly not accepted, so that it may be posted again. */
  async #post(client: GostintClient, request: PreparedRequest, job: Wanted): Promise<boolean> {
    const postedAt = Date.now();
    const { kind, nonce, queue } = job;
    const { wrap_secret_id: wrappingToken } = request;
    try {
      const { _id: id } = await client.post(request);
      this.#accepted.push({
        id,
        queue,
        nonce,
        wrappingToken,
        expected: kind.expected,
        postedAt,
        acceptedAt: Date.now(),
      });
      if (kind.expected.state === 'canceled') this.#kills.push(this.#kill(client, id));
      return true;
    } catch (error) {
      if (wasNotSent(error)) return false;
      this.#doubtful.push({ queue, wrappingToken });
      if (!(error instanceof AnswerError)) {
        this.#unanswered++;
        return true;
      }
      if (error.status < 500 && error.status !== 429)
        this.#refusals.push({ text: error.message, at: postedAt, to: Date.now() });
      else this.#refusedForNow++;
      return false;
    }
  }

  async #kill(client: GostintClient, id: string): Promise<void> {
    await delay(this.#options.random.between(0, 2_000));
    const deadline = Date.now() + giveUpMs;
    while (Date.now() < deadline) {
      const isAsked = await client.kill(id).then(
        () => true,
        () => false,
      );
      if (isAsked) return;
      await delay(retryMs);
    }
  }
}

const giveUpMs = 30_000;

interface PreparedRequest {
  readonly wrap_secret_id: string;
}

interface Wanted {
  readonly kind: JobKind;
  readonly nonce: string;
  readonly queue: string;
}

/** What a client does before it posts: the fields stay in the clear, or all of them go into the cubbyhole. */
async function prepare(client: GostintClient, job: Wanted, isSealed: boolean): Promise<PreparedRequest> {
  const { kind, nonce, queue: qname } = job;
  const fields = {
    qname,
    container_image: imageName,
    run: commandOf(kind, nonce),
    secret_refs: kind.secretRefs,
  };
  const wrap = async () => ({ qname, wrap_secret_id: await client.wrapSecretId() });
  if (!isSealed) return { ...fields, ...(await wrap()) };
  return { ...(await client.leaveInCubbyhole(await client.encrypt(fields))), ...(await wrap()) };
}

function wasNotSent(error: unknown): boolean {
  const cause = (error as Error).cause as { code?: string } | undefined;
  return cause?.code === 'ECONNREFUSED';
}
