import type { ExecutorOptions, ExecutorParts, OpenedRequest, Run } from '../../src/executor/run.js';
import type { FoundSecret, OutputChunk, RunRecorder } from '../../src/executor/run-recorder.js';
import { Stop } from '../../src/executor/stop.js';
import type { SpecFields } from '../../src/job/job.js';
import { strictPolicy } from '../../src/job/options/policy.js';
import { FakeBackend } from './fake-backend.js';
import type { FakeStep } from './fake-container.js';
import { FakeSecrets } from './fake-secrets.js';

export const benchJobId = '68f3a1c25b7e4d0011aa22bb';

/** A step of a run, such as `prepare`, `unwrap` or `recorder.running`. */
export type Step = string;

/** An executor on fakes. Every step is recorded in one list, and a test may act at any of them. */
export class ExecutorBench implements Disposable {
  readonly secrets = new FakeSecrets();
  readonly backend: FakeBackend;
  readonly stop = new Stop();
  readonly chunks: OutputChunk[] = [];
  /** What came through pipes, by their names. */
  readonly piped = new Map<string, string>();
  /** Secrets that were found in the output. */
  readonly found: FoundSecret[] = [];
  readonly bugs: unknown[] = [];
  /** The recorder's calls, by method name. */
  readonly told = new Map<string, unknown>();
  readonly #steps: Step[] = [];
  readonly #hooks = new Map<Step, () => unknown>();
  #seen = 0;

  constructor() {
    this.backend = new TracedBackend((step) => this.#note(step));
  }

  /** Runs `action` when the step is reached; what it throws, the step throws. */
  at(step: Step, action: () => unknown): void {
    this.#hooks.set(step, action);
  }

  /** All steps so far, without writes of output and the wait, whose order is not fixed. */
  get steps(): readonly Step[] {
    this.#noteSecrets();
    return this.#steps.filter((step) => step !== 'recorder.append' && step !== 'wait');
  }

  get printed(): string {
    return Buffer.concat(this.chunks.map(({ bytes }) => bytes)).toString();
  }

  parts(options: Partial<ExecutorOptions> = {}): ExecutorParts {
    return {
      secrets: this.secrets,
      backend: this.backend,
      parsePayload: async (json) => JSON.parse(json as string) as SpecFields,
      options: {
        stopGraceMs: 50,
        maxRunTimeMs: 3_600_000,
        outputLimitBytes: 1024 * 1024,
        maskOutput: true,
        imageSecretRefs: true,
        revokesPrinted: false,
        policyFor: () => strictPolicy,
        env: [],
        tokenInEnv: false,
        ...options,
      },
      onBug: (error) => this.bugs.push(error),
    };
  }

  /** A run, by default of a request in the clear. */
  run(request: Partial<OpenedRequest> = {}, queue: string | null = null): Run {
    const opened = { wrappedSecretId: this.secrets.addWrap(), ciphertext: undefined, fields: {}, ...request };
    const open = async () => {
      this.#note('open');
      return opened;
    };
    const job = { id: benchJobId, fence: '7', door: 'gostint', queue, ownerKey: 'entity:1', open } as const;
    return { job, recorder: this.#recorder(), stop: this.stop };
  }

  [Symbol.dispose](): void {
    this.stop[Symbol.dispose]();
  }

  #recorder(): RunRecorder {
    const tell = async (step: string, fact?: unknown) => {
      await this.#note(`recorder.${step}`);
      this.told.set(step, fact);
    };
    return {
      spending: () => tell('spending'),
      tokenTaken: (accessor) => tell('tokenTaken', accessor),
      secretsRead: (reads) => tell('secretsRead', reads),
      tokenRevoked: () => tell('tokenRevoked'),
      prepared: (facts) => tell('prepared', facts),
      running: (unmasked) => tell('running', unmasked),
      started: () => undefined,
      published: (ports) => tell('published', ports),
      stopping: (why) => tell('stopping', why),
      masked: async (found, revokes) => {
        this.found.push(...found);
        await tell('masked', { revokes });
      },
      append: async (chunk) => {
        await tell('append');
        this.chunks.push(chunk);
      },
      appendPipe: async (name, { bytes }) => {
        await tell('appendPipe');
        this.piped.set(name, (this.piped.get(name) ?? '') + Buffer.from(bytes).toString());
      },
    };
  }

  #note(step: Step): unknown {
    this.#noteSecrets();
    this.#steps.push(step);
    return this.#hooks.get(step)?.();
  }

  /** The fake keeps its own list; new entries in it happened before the step that is recorded now. */
  #noteSecrets(): void {
    this.#steps.push(...this.secrets.asked.slice(this.#seen));
    this.#seen = this.secrets.asked.length;
  }
}

class TracedBackend extends FakeBackend {
  readonly #note: (step: Step) => void;

  constructor(note: (step: Step) => void) {
    super();
    this.#note = note;
  }

  override async reach(step: FakeStep, jobId: string): Promise<void> {
    this.#note(step);
    await super.reach(step, jobId);
  }
}
