// Decides whether a job's secrets are bound from this host or sent in an archive.
import type { ContainerRequest } from '../../executor/backend.js';
import { BrokenError } from '../../job/errors.js';
import type { EngineState } from '../engine/engine.js';
import { type Delivery, type DeliveryParts, openArchiveDelivery, openBoundDelivery } from './delivery.js';
import { HostFiles } from './host-files.js';

/** What decides where the files of jobs are kept. */
export interface DeliveriesOptions {
  readonly dockerHost: string;
  /** Holds the files of jobs while their container is prepared; used only when the engine can see it. */
  readonly secretsDirectory: string;
  readonly onFailure: (message: string) => void;
}

interface Job {
  readonly request: ContainerRequest;
  readonly passwd: string | undefined;
}

/**
 * Secrets get into containers as files of this host that are bound into them, so that they are never on a disk, or in
 * the archive that is uploaded. Bound files need an engine that shares our file system and our user ids.
 */
export class Deliveries implements AsyncDisposable {
  readonly #parts: DeliveryParts;
  readonly #onFailure: (message: string) => void;
  readonly #hostFiles: HostFiles | undefined;
  /** Undefined: not known yet, because the engine was not asked. */
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

  /** Sends no request to the engine. Throws `BrokenError` when another user owns the directory. */
  static async open(parts: DeliveryParts, options: DeliveriesOptions): Promise<Deliveries> {
    const isLocal = options.dockerHost.startsWith('unix://');
    const hostFiles = isLocal ? await openHostFiles(options) : undefined;
    return new Deliveries(parts, hostFiles, options.onFailure);
  }

  /** When this returns, the files of the job exist, if it needs any on this host. */
  async begin(job: Job): Promise<Delivery> {
    const hostFiles = this.#hostFiles;
    if (hostFiles === undefined) return openArchiveDelivery(this.#parts, job);
    this.#isBound ??= this.#accepts(await this.#parts.engine.info());
    if (!this.#isBound) return openArchiveDelivery(this.#parts, job);
    return await openBoundDelivery(this.#parts, hostFiles, job);
  }

  /**
   * Uses archives from now on: the engine did not see a file of ours, for instance because stint runs in a container.
   */
  switchToArchive(): void {
    if (this.#isBound === false) return;
    this.#isBound = false;
    this.#onFailure(`The engine does not see the files of this host. ${archiveInstead}`);
  }

  /** An engine that maps user ids would show the files as those of another user. */
  #accepts({ securityOptions }: EngineState): boolean {
    const mapsUsers = securityOptions.some((option) => /^name=(userns|rootless)\b/.test(option));
    if (mapsUsers) this.#onFailure(`The engine maps user ids (userns or rootless). ${archiveInstead}`);
    return !mapsUsers;
  }

  /** Removes files on this host whose process has died. */
  async sweep(): Promise<void> {
    await this.#hostFiles?.sweep();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#hostFiles?.close();
  }
}

const archiveInstead =
  "Secrets are in the engine's storage while a job runs: keep that in memory or encrypted.";

/**
 * Undefined where we may not create files for the jobs' user. Tried at once: a later failure would cost a job its
 * credentials.
 */
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
      `Could not create files for jobs in "${secretsDirectory}": run as root for that. ${archiveInstead}`,
    );
    return undefined;
  }
}
