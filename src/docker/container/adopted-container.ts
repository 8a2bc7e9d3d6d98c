// The container of an adopted job: follows its output and exit, and removes it.
import type { AdoptedContainer, RunningContainer, StreamPositions } from '../../executor/backend.js';
import type { ContainerFacts, Engine } from '../engine/engine.js';
import type { OutputWatch } from '../output/output.js';
import type { ProgramPipes } from '../output/program-pipes.js';
import { resumeOutput } from '../output/resumed-output.js';
import type { Sandboxes } from '../sandbox/sandboxes.js';
import { type ContainerSettings, sandboxLabel, secretsLabel } from './container.js';
import { hasEnded, waitForExit } from './exit.js';
import { removeUntilGone } from './removal.js';
import { watchRunning } from './running.js';

export interface AdoptedParts {
  readonly engine: Engine;
  readonly settings: ContainerSettings;
  /** How long the engine of a running job may be unavailable, in milliseconds. */
  readonly retryForMs: number;
  readonly sandboxes: Pick<Sandboxes, 'remove'>;
  readonly onFailure: (message: string) => void;
}

/** A container that a previous process of this node started, up to its removal. */
export class AdoptedJobContainer implements AdoptedContainer {
  readonly id: string;
  readonly ranMs: number;
  readonly hasEnded: boolean;
  readonly tty: boolean;
  readonly hasSecretsFile: boolean;
  readonly secrets: Uint8Array | undefined;
  readonly #parts: AdoptedParts;
  readonly #sandbox: string | undefined;
  readonly #pipes: ProgramPipes;
  /** Aborts every wait when the container is disposed of. */
  readonly #disposed = new AbortController();
  #disposal: Promise<void> | undefined;

  constructor(
    parts: AdoptedParts,
    found: ContainerFacts & { readonly ranMs: number },
    { secrets, pipes }: { readonly secrets: Uint8Array | undefined; readonly pipes: ProgramPipes },
  ) {
    this.#parts = parts;
    this.#sandbox = found.labels[sandboxLabel];
    this.id = found.id;
    this.ranMs = found.ranMs;
    this.hasEnded = hasEnded(found);
    this.tty = found.tty;
    this.hasSecretsFile = found.labels[secretsLabel] !== '';
    this.secrets = secrets;
    this.#pipes = pipes;
  }

  resume(from: StreamPositions): RunningContainer {
    const { engine, retryForMs, settings } = this.#parts;
    const { id, tty } = this;
    const { signal } = this.#disposed;
    const exit = waitForExit(engine, id, { signal, retryForMs });
    const keptLogBytes = settings.logBytes / 2; // The newer of two log files; the engine may have dropped the older.
    const log = { engine, id, tty, exit, hasEnded: this.hasEnded, from, keptLogBytes, signal };
    const output = (watch: OutputWatch) => resumeOutput({ ...log, ...watch });
    return watchRunning({ engine, id, exit, output, pipes: this.#pipes });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#dispose();
    await this.#disposal;
  }

  async #dispose(): Promise<void> {
    const { engine, sandboxes, onFailure } = this.#parts;
    this.#disposed.abort(new Error('The container was disposed of.'));
    await removeUntilGone({ engine, findId: async () => this.id, onFailure });
    if (this.#sandbox !== undefined) sandboxes.remove(this.#sandbox);
    this.#pipes[Symbol.dispose]();
  }
}
