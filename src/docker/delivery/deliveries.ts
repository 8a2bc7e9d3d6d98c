import type { ContainerRequest } from '../../executor/backend.js';
import { BrokenError } from '../../job/errors.js';
import type { EngineState } from '../engine/engine.js';
import { type Delivery, type DeliveryParts, openArchiveDelivery, openBoundDelivery } from './delivery.js';
import { HostFiles } from './host-files.js';

/** What decides where files lie. */
export interface DeliveriesOptions {
  readonly dockerHost: string;
  /** Where jobs' files lie while their container is prepared; only used where the engine can see it. */
  readonly secretsDirectory: string;
  readonly onFailure: (message: string) => void;
}

interface Job {
  readonly request: ContainerRequest;
  readonly passwd: string | undefined;
}

/**
 * Decides how secrets get into containers: as files of this host bound into them, so that no disk ever holds them, or
 * inside the archive that is laid over the image. Bound files need an engine that shares our file system and our users.
 */
export class Deliveries implements AsyncDisposable {
  readonly #parts: DeliveryParts;
  readonly #onFailure: (message: string) => void;
  readonly #hostFiles: HostFiles | undefined;
  /** Undefined: not known yet, since the engine was not asked. */
  #isBound: boolean | undefined;

  private constructor(
    parts: DeliveryParts,
    hostFiles: HostFiles | undefined,
    onFailure: (message: string) => void,
  ) {
    this.#parts = parts;
    this.#hostFiles = hostFiles;
    this.#onFailure = onFailure;
  }

  /** Asks nothing of the engine. Throws `BrokenError` when the directory belongs to somebody else. */
  static async open(parts: DeliveryParts, options: DeliveriesOptions): Promise<Deliveries> {
    const isLocal = options.dockerHost.startsWith('unix://');
    const hostFiles = isLocal ? await openHostFiles(options) : undefined;
    return new Deliveries(parts, hostFiles, options.onFailure);
  }

  /** The files of one job, if it is to have any on this host, exist when this returns. */
  async begin(job: Job): Promise<Delivery> {
    const hostFiles = this.#hostFiles;
    if (hostFiles === undefined) return openArchiveDelivery(this.#parts, job);
    this.#isBound ??= this.#accepts(await this.#parts.engine.info());
    if (!this.#isBound) return openArchiveDelivery(this.#parts, job);
    return await openBoundDelivery(this.#parts, hostFiles, job);
  }

  /** The engine does not see a file that we made: it has another file system than we, in a container for instance. */
  distrust(): void {
    if (this.#isBound === false) return;
    this.#isBound = false;
    this.#onFailure(`The engine does not see the files of this host. ${archiveInstead}`);
  }

  /** An engine that renumbers users would show the files as somebody else's. */
  #accepts({ securityOptions }: EngineState): boolean {
    const renumbers = securityOptions.some((option) => /^name=(userns|rootless)\b/.test(option));
    if (renumbers)
      this.#onFailure(`The engine gives its users other numbers than this host. ${archiveInstead}`);
    return !renumbers;
  }

  /** Removes the files that processes which died meanwhile left on this host. */
  async sweep(): Promise<void> {
    await this.#hostFiles?.sweep();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#hostFiles?.close();
  }
}

const archiveInstead =
  "Secrets lie in the engine's storage while a job runs: keep it in memory or encrypted.";

/** Undefined where we may not make files for the jobs' user. Tried at once: later it would cost a job its credentials. */
async function openHostFiles(options: DeliveriesOptions): Promise<HostFiles | undefined> {
  const { secretsDirectory, onFailure } = options;
  try {
    const hostFiles = await HostFiles.open(secretsDirectory);
    await (await hostFiles.create('')).remove();
    if (!hostFiles.isMemory)
      onFailure(`The directory "${secretsDirectory}" for secrets is not in memory. Set STINT_SECRETS_DIR.`);
    return hostFiles;
  } catch (error) {
    if (error instanceof BrokenError && !error.retryable) throw error;
    onFailure(
      `Could not make files for jobs in "${secretsDirectory}": run as root for that. ${archiveInstead}`,
    );
    return undefined;
  }
}
