// Keeps images that a job's own login brought to the engine from jobs that the registry would not give them.
import { JobFailedError } from '../../job/errors.js';
import { completeName, type ImageReference, isId, parseImageReference } from '../../job/image-reference.js';
import type { Engine } from '../engine/engine.js';
import { privateId } from './errors.js';
import { type Pulling, resolveImage } from './pull.js';

/**
 * The images of the engine that a job's own login brought there, as `repository@digest` in their full names. Other nodes may use the
 * same engine, so they share it. Both methods throw where it cannot be read or written: then no job gets an image by it.
 */
export interface PrivateImages {
  /** Whether all of these are among them. */
  has(names: readonly string[]): Promise<boolean>;
  add(name: string): Promise<void>;
}

/** For one process on an engine of its own. */
export function newPrivateImages(): PrivateImages {
  const known = new Set<string>();
  return {
    has: async (names) => names.every((name) => known.has(name)),
    add: async (name) => void known.add(name),
  };
}

/**
 * The rule: a pull with a login is made by digest, so no tag of the engine ever leads to what it brought. Whoever names that by
 * its digest or id is asked about at the registry first, with a login of its own or none: the engine itself would not ask.
 */
export class PrivateImageGate {
  readonly #engine: Engine;
  readonly #known: PrivateImages;

  constructor(engine: Engine, known: PrivateImages) {
    this.#engine = engine;
    this.#known = known;
  }

  /** The name under which this job may have the image. Throws `JobFailedError` where its registry does not give it to the job. */
  async admit(reference: string, pulling: Pulling): Promise<string> {
    if (pulling.login !== undefined) return withDigest(reference, await this.#ask(reference, pulling));
    const names = await this.#privateNames(reference);
    if (names.length === 0 || !(await this.#known.has(names))) return reference;
    if (isIdOf(reference)) throw privateId(reference);
    await this.#ask(reference, pulling);
    return reference;
  }

  /** Before the pull, or nobody would know after a crash. What the registry gives to everybody is not private. */
  async announce(reference: string, { limits, signal }: Pulling): Promise<void> {
    try {
      await this.#ask(reference, { limits, signal });
    } catch (error) {
      if (!(error instanceof JobFailedError)) throw error;
      for (const name of digestNames([reference])) await this.#known.add(name);
    }
  }

  async #ask(reference: string, pulling: Pulling): Promise<string> {
    return await resolveImage(this.#engine, reference, pulling);
  }

  /** By which it may have come with a login. An id has those of all registries that its image came from. */
  async #privateNames(reference: string): Promise<string[]> {
    if (!isIdOf(reference)) return digestNames([reference]);
    return digestNames((await this.#engine.findImage(reference))?.digests ?? []);
  }
}

function isIdOf(reference: string): boolean {
  const parsed = parseImageReference(reference);
  return parsed !== undefined && parsed.digest === undefined && isId(parsed);
}

/** Those that have one. */
function digestNames(references: readonly string[]): string[] {
  return references
    .map(parseImageReference)
    .filter((parsed): parsed is ImageReference => parsed?.digest !== undefined)
    .map((parsed) => `${completeName(parsed)}@${parsed.digest}`);
}

/** Without its tag, which an engine may overlook or refuse beside a digest. */
function withDigest(reference: string, digest: string): string {
  const { registry, repository } = parseImageReference(reference) ?? {
    registry: undefined,
    repository: reference,
  };
  return `${registry === undefined ? '' : `${registry}/`}${repository}@${digest}`;
}
