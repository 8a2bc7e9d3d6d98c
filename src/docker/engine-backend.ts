import type { Backend, ContainerRequest, ContentMetadata, PreparedContainer } from '../executor/backend.js';
import type { ArchiveRules } from './archive-rules.js';
import type { ContainerSettings } from './container.js';
import { readContentMetadata } from './content.js';
import type { Deliveries } from './deliveries.js';
import type { Engine, EngineState } from './engine.js';
import { isFault } from './errors.js';
import type { Gate } from './gate.js';
import type { ImageFactsReader } from './image-facts.js';
import type { Images } from './images.js';
import { JobContainer, type JobContainerParts } from './job-container.js';
import type { Leftovers } from './leftovers.js';
import { checkEngine } from './readiness.js';

/** A `Backend` on a Docker engine, and what the server asks of that engine beside the jobs. */
export interface DockerBackend extends Backend, AsyncDisposable {
  /** What the engine says of itself. Throws `BrokenError` when it is away. */
  engineState(): Promise<EngineState>;
  /** Throws `BrokenError`, saying what to do, when jobs could not run now. */
  check(): Promise<void>;
  /**
   * Removes what an earlier life of this node left at the engine, and returns how many containers there were. Called
   * before the node's old jobs are settled. Throws `BrokenError` when the engine is away; the first job tries again.
   */
  removeLeftovers(): Promise<number>;
}

/** What the backend stands on; one of each for the whole process. */
export interface DockerBackendParts {
  readonly engine: Engine;
  readonly settings: ContainerSettings;
  readonly rules: ArchiveRules;
  readonly images: Images;
  readonly imageFacts: ImageFactsReader;
  readonly deliveries: Deliveries;
  readonly leftovers: Leftovers;
  readonly starts: Gate;
  readonly patienceMs: JobContainerParts['patienceMs'];
  readonly onTrouble: (message: string) => void;
}

/** The parts put together: each step is in a file of its own. */
export class EngineBackend implements DockerBackend {
  readonly #parts: DockerBackendParts;
  /** It does not change while an engine runs, and one warning is enough. */
  #hasLookedAtLimits = false;

  constructor(parts: DockerBackendParts) {
    this.#parts = parts;
  }

  async checkContent(content: Uint8Array): Promise<ContentMetadata> {
    return { metadata: await readContentMetadata(content, this.#parts.rules) };
  }

  /**
   * Twice where the first try met what a second one does better: an image that was removed between look-up and use,
   * or an engine that does not see our files.
   */
  async prepare(request: ContainerRequest, signal: AbortSignal): Promise<PreparedContainer> {
    try {
      return await this.#prepareOnce(request, signal);
    } catch (error) {
      if (!isFault(error, 'image_missing', 'source_missing')) throw error;
      if (error.fault === 'source_missing') this.#parts.deliveries.distrust();
    }
    return await this.#prepareOnce(request, signal);
  }

  async #prepareOnce(request: ContainerRequest, signal: AbortSignal): Promise<PreparedContainer> {
    signal.throwIfAborted();
    const { images, imageFacts, deliveries, leftovers } = this.#parts;
    await leftovers.remove(); // One of them may be running a job of the same queue still.
    const imageId = await images.ensure(request.image, request.pullPolicy, signal);
    const { metadata: imageMetadata, passwd } = await imageFacts.read(imageId);
    const delivery = await deliveries.begin({ request, passwd });
    const container = new JobContainer({ ...this.#parts, delivery, imageId, imageMetadata }, request);
    try {
      await container.prepare(signal);
      return container;
    } catch (error) {
      await container[Symbol.asyncDispose]();
      throw error;
    }
  }

  async engineState(): Promise<EngineState> {
    return await this.#parts.engine.info();
  }

  async check(): Promise<void> {
    await checkEngine(this.#parts.engine, this.#parts.settings.network);
    if (this.#hasLookedAtLimits) return;
    const { missingLimits } = await this.#parts.engine.info();
    this.#hasLookedAtLimits = true;
    if (missingLimits.length > 0)
      this.#parts.onTrouble(`The engine cannot limit what jobs use of: ${missingLimits.join(', ')}.`);
  }

  async removeLeftovers(): Promise<number> {
    return (await this.#parts.leftovers.remove()) + (await this.#parts.imageFacts.sweep());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.deliveries[Symbol.asyncDispose]();
    this.#parts.engine.close();
  }
}
