// The `Backend` on a Docker engine: calls the parts in the right order.
import type { LimitFunction } from 'p-limit';
import type {
  AdoptedContainer,
  AdoptionRequest,
  Backend,
  ContainerRequest,
  ContentMetadata,
  PreparedContainer,
  RegistryLogin,
} from '../executor/backend.js';
import { digestOf } from '../job/image-reference.js';
import type { ProcessUsage } from '../job/options/usage.js';
import { readContentMetadata } from './archive/content.js';
import type { ArchiveRules } from './archive/rules.js';
import { adoptContainer } from './container/adopt.js';
import type { ContainerSettings } from './container/container.js';
import { JobContainer, type JobContainerParts } from './container/job-container.js';
import { removeJobContainers } from './container/job-removal.js';
import type { Leftovers } from './container/leftovers.js';
import { listOwnContainers, type OwnContainer } from './container/own-containers.js';
import type { Deliveries } from './delivery/deliveries.js';
import type { Engine, EngineState, ListedImage } from './engine/engine.js';
import { EngineError, isFault } from './engine/errors.js';
import { isolated } from './engine/networks.js';
import {
  checkDisk,
  checkEngine,
  type Disk,
  disksOf,
  reachWarning,
  refuseMissingNetwork,
  refuseUnsupported,
} from './engine/readiness.js';
import type { ImageFactsReader } from './image/facts.js';
import type { Asking, Images } from './image/images.js';
import type { ImageVerifier } from './image/verifier.js';
import { refuseContent, refuseUnbound } from './program/confinement.js';
import { needsInit } from './program/init.js';
import { refuseLongStart } from './program/start-size.js';
import { SharedUsage, usageOf } from './program/usage.js';
import type { Sandboxes } from './sandbox/sandboxes.js';

/** A `Backend`, and what the server needs from its engine besides running jobs. */
export interface DockerBackend extends Backend, AsyncDisposable {
  /**
   * Throws `BrokenError` where the engine answers and jobs can never run on it. Resolves where it does not answer: whoever uses
   * it later is told.
   */
  refuseUnsupported(): Promise<void>;
  /** What the engine reports about itself. Throws `BrokenError` when it is unavailable. */
  engineState(): Promise<EngineState>;
  /**
   * Removes all containers of a job at this engine, running or not, whichever node of ours started them, and returns
   * how many there were. When it returns, none is left. Throws `BrokenError` when the engine is unavailable.
   */
  removeJob(jobId: string): Promise<number>;
  /**
   * Removes the containers that a previous process of this node left at the engine, except those of jobs to keep and of
   * adopted jobs, and returns how many there were. Called before the node's old jobs are settled. Throws `BrokenError`
   * when the engine is unavailable; the first job tries again.
   */
  removeLeftovers(keep?: (jobId: string) => boolean): Promise<number>;
  /**
   * All containers at the engine that any node of our installation made. Throws `BrokenError` when it is unavailable.
   */
  ownContainers(): Promise<OwnContainer[]>;
  /** Removes it with its anonymous volumes, running or not. Throws `BrokenError`. */
  removeContainer(id: string): Promise<void>;
  /** All images at the engine, ours or not. Throws `BrokenError`. */
  listImages(): Promise<ListedImage[]>;
  /** Ids of the images that any container uses, running or not. Throws `BrokenError`. */
  imagesInUse(): Promise<ReadonlySet<string>>;
  /**
   * Removes all names of the image, and the image with the last one. False: the engine keeps it. Throws `BrokenError`.
   */
  removeImage(image: Pick<ListedImage, 'id' | 'names'>): Promise<boolean>;
  /** Removes the job files that dead processes left on this host. */
  sweepHostFiles(): Promise<void>;
}

/** The parts of the backend; one of each for the whole process. */
export interface DockerBackendParts {
  readonly engine: Engine;
  readonly settings: ContainerSettings;
  readonly rules: ArchiveRules;
  readonly images: Images;
  /** Undefined: every image may run. */
  readonly verifier?: ImageVerifier | undefined;
  readonly imageFacts: ImageFactsReader;
  readonly deliveries: Deliveries;
  readonly leftovers: Leftovers;
  readonly sandboxes: Sandboxes;
  readonly starts: LimitFunction;
  readonly retryForMs: JobContainerParts['retryForMs'];
  /** Whether the engine may be on this host, so that its disk is one of ours. */
  readonly isLocal?: boolean;
  /** See `DockerBackendOptions`. */
  readonly containerdRoot?: string | undefined;
  readonly onFailure: (message: string) => void;
}

/** Each step is in a file of its own. */
export class EngineBackend implements DockerBackend {
  readonly #parts: DockerBackendParts;
  /** Known after the first check; they do not change while an engine runs. */
  #disks: readonly Disk[] | undefined;
  #isSupported = false;
  readonly #usage: SharedUsage;

  constructor(parts: DockerBackendParts) {
    this.#parts = parts;
    this.#usage = new SharedUsage((id) => usageOf(parts.engine, id));
  }

  async checkContent(content: Uint8Array): Promise<ContentMetadata> {
    refuseContent(this.#parts.settings.confinement);
    return { metadata: await readContentMetadata(content, this.#parts.rules) };
  }

  /**
   * Tries a second time after two faults: the image was removed between look-up and use, or the engine does not see our
   * files.
   */
  async prepare(
    request: ContainerRequest,
    signal: AbortSignal,
    login?: RegistryLogin,
  ): Promise<PreparedContainer> {
    try {
      return await this.#prepareOnce(request, { signal, login });
    } catch (error) {
      if (!isFault(error, 'image_missing', 'source_missing')) throw error;
      if (error.fault === 'source_missing') this.#parts.deliveries.switchToArchive();
    }
    return await this.#prepareOnce(request, { signal, login });
  }

  async #prepareOnce(request: ContainerRequest, asking: Asking): Promise<PreparedContainer> {
    const { signal } = asking;
    signal.throwIfAborted();
    await this.#refuseOnce();
    const { engine, images, verifier, imageFacts, deliveries, sandboxes } = this.#parts;
    await refuseMissingNetwork(engine, request.options.network ?? this.#ownNetwork);
    await this.removeLeftovers(); // One of them may still run a job of the same queue.
    const found = await images.ensure(request.image, request.pullPolicy, asking);
    await verifier?.verify(request.image, found.digests, signal);
    const imageId = found.id; // What was verified is what runs, wherever its name leads to by then.
    const { metadata: imageMetadata, passwd, config } = await imageFacts.read(found);
    refuseLongStart(request, config);
    const init = needsInit(request, config, this.#parts.settings.init);
    const delivery = await deliveries.begin({ request, passwd });
    refuseUnbound(this.#parts.settings.confinement, delivery.files);
    const openImage = () => imageFacts.open(imageId);
    const imageDigest = digestOf(request.image, found.digests);
    const image = { imageId, imageDigest, imageMetadata, imageConfig: config, openImage };
    const sandbox = await sandboxes.take(request);
    const parts = { ...this.#parts, ...image, delivery, init, sandbox };
    const container = new JobContainer(parts, request);
    try {
      await container.prepare(signal);
      return container;
    } catch (error) {
      await container[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Of all jobs, where stint makes it. */
  get #ownNetwork(): string | undefined {
    return this.#parts.settings.network === isolated ? isolated : undefined;
  }

  async adopt(request: AdoptionRequest): Promise<AdoptedContainer | undefined> {
    this.#parts.leftovers.exclude(request.jobId);
    return await adoptContainer(this.#parts, request);
  }

  async signal(containerId: string, signal: number): Promise<boolean> {
    return await this.#parts.engine.signal(containerId, signal);
  }

  async usage(containerId: string): Promise<ProcessUsage | undefined> {
    return await this.#usage.of(containerId);
  }

  async refuseUnsupported(): Promise<void> {
    try {
      await this.#refuseOnce();
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
    }
  }

  /** Asked until the engine has answered once: an engine does not become another kind while stint runs. */
  async #refuseOnce(): Promise<void> {
    if (this.#isSupported) return;
    await refuseUnsupported(this.#parts.engine);
    this.#isSupported = true;
  }

  async engineState(): Promise<EngineState> {
    return await this.#parts.engine.info();
  }

  async check(): Promise<void> {
    await checkEngine(this.#parts.engine, this.#parts.settings.network);
    this.#disks ??= await this.#findDisks();
    if (this.#parts.isLocal === true) await this.#checkDisks(this.#disks);
  }

  async #checkDisks(disks: readonly Disk[]): Promise<void> {
    try {
      for (const disk of disks) await checkDisk(disk);
    } catch (error) {
      this.#parts.sandboxes.giveUp();
      throw error;
    }
  }

  /** Called once, so that it warns once about missing limits and about jobs that reach each other. */
  async #findDisks(): Promise<Disk[]> {
    const state = await this.#parts.engine.info();
    if (state.missingLimits.length > 0)
      this.#parts.onFailure(`The engine cannot limit what jobs use of: ${state.missingLimits.join(', ')}.`);
    const reach = await reachWarning(this.#parts.engine, this.#parts.settings.network);
    if (reach !== undefined) this.#parts.onFailure(reach);
    return disksOf(state, this.#parts.containerdRoot);
  }

  async removeLeftovers(keep?: (jobId: string) => boolean): Promise<number> {
    const removed = await this.#parts.leftovers.remove(keep);
    this.#parts.sandboxes.open();
    return removed;
  }

  async removeJob(jobId: string): Promise<number> {
    return await removeJobContainers(this.#parts.engine, this.#parts.settings, jobId);
  }

  async ownContainers(): Promise<OwnContainer[]> {
    return await listOwnContainers(this.#parts.engine, this.#parts.settings);
  }

  async removeContainer(id: string): Promise<void> {
    await this.#parts.engine.remove(id);
  }

  async listImages(): Promise<ListedImage[]> {
    return await this.#parts.engine.listImages();
  }

  async imagesInUse(): Promise<ReadonlySet<string>> {
    return await this.#parts.engine.imagesInUse();
  }

  /** By its names and never by force, so that an image with names of others stays. */
  async removeImage({ id, names }: Pick<ListedImage, 'id' | 'names'>): Promise<boolean> {
    for (const name of names.length > 0 ? names : [id])
      if (!(await this.#parts.engine.removeImage(name))) return false;
    return true;
  }

  async sweepHostFiles(): Promise<void> {
    await this.#parts.deliveries.sweep();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.sandboxes[Symbol.asyncDispose]();
    await this.#parts.deliveries[Symbol.asyncDispose]();
    this.#parts.engine.close();
  }
}
