// Tells which version of the KV engine is mounted at a path: asked of Vault, and remembered for a minute.

import { toVaultFailure } from '../client/errors.js';
import { encodePath } from '../client/path.js';
import { isFields } from '../client/shape.js';
import type { JobToken } from '../session/job-token.js';

/** What is mounted at a path. */
export interface MountFacts {
  /** With its slash. */
  readonly path: string;
  /** The KV engine, version 2. */
  readonly isVersioned: boolean;
}

/** A mount may be raised to version 2, or replaced, while we run. */
const keptMs = 60_000;
const mostMounts = 1_000;

interface Known extends MountFacts {
  readonly until: number;
}

/**
 * What Vault tells of its mounts, for all jobs. Nothing in a secret decides this, for whoever writes it chooses its keys.
 * The path is the one that Vault's own command line asks: open to every token that may do anything in the mount.
 */
export class KnownMounts {
  readonly #known = new Map<string, Known>();
  readonly #asking = new Map<string, Promise<MountFacts | undefined>>();
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Undefined where Vault does not tell it. Throws `VaultFailure` where Vault stays unavailable. */
  async of(token: Pick<JobToken, 'askFree'>, path: string): Promise<MountFacts | undefined> {
    const [root = ''] = path.split('/');
    for (;;) {
      const known = this.#find(path);
      if (known !== undefined) return known;
      const underWay = this.#asking.get(root);
      if (underWay === undefined) return await this.#ask(token, path, root);
      await underWay; // Its answer may be about another mount, or have been refused to another job.
    }
  }

  #find(path: string): Known | undefined {
    const now = this.#now();
    return [...this.#known.values()].find((known) => path.startsWith(known.path) && known.until > now);
  }

  async #ask(token: Pick<JobToken, 'askFree'>, path: string, root: string): Promise<MountFacts | undefined> {
    const asking = askForMount(token, path);
    this.#asking.set(root, asking);
    try {
      const facts = await asking;
      if (facts !== undefined) this.#remember(facts);
      return facts;
    } finally {
      this.#asking.delete(root);
    }
  }

  #remember(facts: MountFacts): void {
    this.#known.delete(facts.path);
    this.#known.set(facts.path, { ...facts, until: this.#now() + keptMs });
    const [oldest] = this.#known.keys();
    if (this.#known.size > mostMounts && oldest !== undefined) this.#known.delete(oldest);
  }
}

async function askForMount(token: Pick<JobToken, 'askFree'>, path: string): Promise<MountFacts | undefined> {
  const asked = encodePath('sys/internal/ui/mounts', path);
  if (asked === undefined) return undefined;
  try {
    return await token.askFree({ method: 'GET', path: asked }, (reply) => readMount(reply, path));
  } catch (error) {
    const failure = toVaultFailure(error);
    if (failure.isUnavailable) throw failure;
    return undefined;
  }
}

/** In another namespace the mount's path has no namespace in front: then it is known for this one path only. */
function readMount(reply: unknown, asked: string): MountFacts | undefined {
  const data = isFields(reply) ? reply.data : undefined;
  if (!isFields(data) || typeof data.path !== 'string' || data.path === '') return undefined;
  const version = isFields(data.options) ? data.options.version : undefined;
  const path = asked.startsWith(data.path) ? data.path : asked;
  return { path, isVersioned: String(version) === '2' };
}
