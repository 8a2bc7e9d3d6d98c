// The container of one job: creates, fills, starts and removes it.
import type { Readable } from 'node:stream';
import type { LimitFunction } from 'p-limit';
import type { ContainerRequest, PreparedContainer, RunningContainer } from '../../executor/backend.js';
import type { JobFailedError } from '../../job/errors.js';
import { failpoint } from '../../job/failpoint.js';
import type { Delivery } from '../delivery/delivery.js';
import type { Engine } from '../engine/engine.js';
import { EngineError, isFault } from '../engine/errors.js';
import type { OpenedImage } from '../image/facts.js';
import { type OutputWatch, readOutput } from '../output/output.js';
import { makePipes, ProgramPipes } from '../output/program-pipes.js';
import { argumentsOf, type ImageConfig } from '../program/arguments.js';
import type { StartMessage } from '../program/start-messages.js';
import type { Sandboxes, TakenSandbox } from '../sandbox/sandboxes.js';
import type { ContainerParameters, ContainerSettings } from './container.js';
import { createContainer, findOurs } from './create.js';
import { startFailure } from './errors.js';
import { waitForExit } from './exit.js';
import { explainStart } from './explain-start.js';
import { removeUntilGone } from './removal.js';
import { watchRunning } from './running.js';

export interface JobContainerParts {
  readonly engine: Engine;
  readonly settings: ContainerSettings;
  readonly delivery: Delivery;
  readonly imageId: string;
  readonly imageDigest: string | undefined;
  readonly imageMetadata: string | undefined;
  readonly imageConfig: ImageConfig;
  /** A container of the image, to look at its files. */
  readonly openImage: () => Promise<OpenedImage>;
  /** Whether an init process of ours is process 1. */
  readonly init: boolean;
  /** Its network, where one was made ahead. */
  readonly sandbox: TakenSandbox | undefined;
  readonly sandboxes: Pick<Sandboxes, 'refill'>;
  /** Limits how many containers start at once: a start is the most expensive request to an engine. */
  readonly starts: LimitFunction;
  /** How long the engine of a running job may be unavailable, in milliseconds. */
  readonly retryForMs: number;
  readonly onFailure: (message: string) => void;
}

/** Exists from before the container's creation until after its removal. */
export class JobContainer implements PreparedContainer {
  readonly #parts: JobContainerParts;
  readonly #parameters: ContainerParameters;
  /** Aborts every wait when the container is disposed of. */
  readonly #disposed = new AbortController();
  #attached: Readable | undefined;
  #pipes = new ProgramPipes();
  #id: string | undefined;
  #step: 'new' | 'creating' | 'prepared' | 'delivered' | 'started' = 'new';
  #disposal: Promise<void> | undefined;

  constructor(parts: JobContainerParts, request: ContainerRequest) {
    const { content: _, ...parameters } = request; // The content may be large, and the delivery has it.
    this.#parts = parts;
    this.#parameters = parameters;
  }

  get id(): string {
    return this.#id ?? '';
  }

  get imageId(): string {
    return this.#parts.imageId;
  }

  get imageDigest(): string | undefined {
    return this.#parts.imageDigest;
  }

  get imageMetadata(): string | undefined {
    return this.#parts.imageMetadata;
  }

  /** Creates the container and uploads the content. After a failure here the caller must dispose. */
  async prepare(signal: AbortSignal): Promise<void> {
    this.#take('new', 'creating');
    const id = await this.#create();
    signal.throwIfAborted();
    await this.#parts.delivery.uploadContent(id, signal);
    await this.#makePipes(id);
    this.#take('creating', 'prepared');
  }

  async #makePipes(id: string): Promise<void> {
    const { options } = this.#parameters;
    if (options.pipes === undefined) return;
    this.#pipes = await makePipes(await this.#parts.engine.findContainer(id), options);
  }

  /**
   * After a definite refusal there is nothing to remove: a container of our name may be running for this very claim.
   */
  async #create(): Promise<string> {
    try {
      const id = await createContainer(this.#parts, this.#parameters);
      this.#id = id;
      return id;
    } catch (error) {
      if (!(error instanceof EngineError)) this.#step = 'new';
      throw error;
    }
  }

  async deliver(secrets: Uint8Array | undefined): Promise<void> {
    this.#take('prepared', 'delivered');
    await this.#parts.delivery.fill(this.id, secrets);
  }

  /**
   * Attaches before the start, or early output would be missed. Removes the secrets' files as soon as the container has
   * them.
   */
  async start(): Promise<RunningContainer> {
    this.#take('delivered', 'started');
    const { engine, delivery, retryForMs } = this.#parts;
    const attached = await engine.attach(this.id);
    this.#attached = attached;
    await this.#startOnce();
    this.#parts.sandboxes.refill();
    await delivery.release();
    const exit = waitForExit(engine, this.id, { signal: this.#disposed.signal, retryForMs });
    const source = { engine, id: this.id, attached, tty: this.#parameters.tty, exit };
    const explain = (message: StartMessage) => this.#explain(message);
    const output = (watch: OutputWatch) => readOutput({ ...source, ...watch });
    return watchRunning({ ...source, program: this.#program, explain, output, pipes: this.#pipes });
  }

  get #program(): string | undefined {
    return argumentsOf(this.#parameters, this.#parts.imageConfig)[0];
  }

  async #explain(message: StartMessage): Promise<JobFailedError> {
    return await explainStart(
      { ...this.#parts, containerId: this.id, parameters: this.#parameters },
      message,
    );
  }

  /** Sends the start exactly once: after a lost answer a second start could run an ended container again. */
  async #startOnce(): Promise<void> {
    try {
      await this.#parts.starts(() => this.#parts.engine.start(this.id));
    } catch (error) {
      if (isFault(error, 'cut', 'timed_out', 'broken') && (await this.#hasStarted())) return;
      throw startFailure(error, this.#program);
    }
  }

  async #hasStarted(): Promise<boolean> {
    const facts = await this.#parts.engine.findContainer(this.id).catch(() => undefined);
    return facts?.startedAt !== undefined;
  }

  #take(from: string, to: 'creating' | 'prepared' | 'delivered' | 'started'): void {
    if (this.#step !== from)
      throw new Error(
        `Expected a container that is ${from} before it is ${to}, got one that is ${this.#step}.`,
      );
    this.#step = to;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#dispose();
    await this.#disposal;
  }

  async #dispose(): Promise<void> {
    const { delivery, sandbox, onFailure } = this.#parts;
    this.#disposed.abort(new Error('The container was disposed of.'));
    await delivery
      .release()
      .catch((error: Error) => onFailure(`Could not remove the files of a job: ${error.message}`));
    const isGone = await this.#remove();
    if (isGone) sandbox?.giveBack();
    else sandbox?.giveUp();
    this.#attached?.destroy();
    this.#pipes[Symbol.dispose]();
    await failpoint('after-container-removed');
  }

  async #remove(): Promise<boolean> {
    const { engine, onFailure } = this.#parts;
    return (
      this.#step === 'new' || (await removeUntilGone({ engine, findId: () => this.#findId(), onFailure }))
    );
  }

  /**
   * When the answer to `create` was lost, only the name is known: a container of that name is removed only if it is
   * ours.
   */
  async #findId(): Promise<string | undefined> {
    return this.#id ?? (await findOurs(this.#parts, this.#parameters))?.id;
  }
}
