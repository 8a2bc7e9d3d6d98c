import { readContentMetadata } from '../../src/docker/archive/content.js';
import { defaultArchiveLimits } from '../../src/docker/archive/rules.js';
import { nameTaken } from '../../src/docker/container/errors.js';
import { EngineError } from '../../src/docker/engine/errors.js';
import { imageMissing, pullFailure } from '../../src/docker/image/errors.js';
import { refuseLongStart } from '../../src/docker/program/start-size.js';
import type {
  AdoptedContainer,
  AdoptionRequest,
  Backend,
  ContainerRequest,
  ContentMetadata,
  PreparedContainer,
  RegistryLogin,
} from '../../src/executor/backend.js';
import type { ProcessUsage } from '../../src/job/options/usage.js';
import { type Act, FakeContainer, type FakeContainerHost, type FakeStep, fired } from './fake-container.js';
import { foundImage } from './fake-engine.js';

const rules = { limits: defaultArchiveLimits, allowLinks: true, ownFiles: ['etc/passwd'] };

/**
 * A backend without an engine, under the same contract. Tests choose what programs do, let steps fail or wait, and check
 * what was requested. A call out of order throws an error that says so.
 */
export class FakeBackend implements Backend, FakeContainerHost {
  /** Everything that was requested, in order, as `step job`. */
  readonly asked: string[] = [];
  /** Every request for a container. */
  readonly requests: ContainerRequest[] = [];
  /** The login that came with each. */
  readonly logins: (RegistryLogin | undefined)[] = [];
  /** The secrets that were delivered, by job. */
  readonly delivered = new Map<string, string>();
  /** Images that neither the engine nor a registry has. */
  readonly missingImages = new Set<string>();
  /** Text of `/gostint_image.yml`, by image. */
  readonly imageMetadata = new Map<string, string>();
  /** While it is true, no container can be prepared. */
  isUnavailable = false;
  /** While it is true, an adopted container's secrets file cannot be read. */
  hidesSecrets = false;
  cpuTimeMs: number | undefined;
  /** For the containers: those that exist, by name. */
  readonly existing = new Map<string, FakeContainer>();
  readonly #programs = new Map<string, readonly Act[]>();
  readonly #failures = new Map<FakeStep, Error>();
  readonly #holds = new Map<FakeStep, Hold>();

  /** What the program of this job does; without a job, what all others do. */
  runs(acts: readonly Act[], jobId = ''): void {
    this.#programs.set(jobId, acts);
  }

  /** The next time this step is reached, it fails. */
  fail(step: Exclude<FakeStep, 'dispose'>, error: Error): void {
    this.#failures.set(step, error);
  }

  /** Runs that reach this step wait there until `release`. */
  hold(step: FakeStep): Hold {
    const hold = new Hold();
    this.#holds.set(step, hold);
    return hold;
  }

  /** Names of the containers that were not removed. */
  get left(): readonly string[] {
    return [...this.existing.keys()];
  }

  count(step: FakeStep): number {
    return this.asked.filter((each) => each.startsWith(`${step} `)).length;
  }

  async check(): Promise<void> {
    if (this.isUnavailable) throw new EngineError('version', 'unreachable', '');
  }

  async checkContent(content: Uint8Array): Promise<ContentMetadata> {
    await this.reach('checkContent', '');
    return { metadata: await readContentMetadata(content, rules) };
  }

  async prepare(
    request: ContainerRequest,
    signal: AbortSignal,
    login?: RegistryLogin,
  ): Promise<PreparedContainer> {
    this.requests.push(request);
    this.logins.push(login);
    signal.throwIfAborted();
    await Promise.race([this.reach('prepare', request.jobId), rejectOnAbort(signal)]);
    if (this.isUnavailable) throw new EngineError('image', 'unreachable', '');
    this.#findImage(request);
    refuseLongStart(request, foundImage('').config);
    if (request.content !== undefined) await readContentMetadata(request.content, rules);
    const name = `fake-${request.jobId}-${request.fence}`;
    if (this.existing.get(name)?.wasStarted === true)
      throw nameTaken(name, 'it has been started for this very claim');
    const acts = this.#programs.get(request.jobId) ?? this.#programs.get('') ?? [];
    const container = new FakeContainer(this, { name, request, acts });
    this.existing.set(name, container);
    return container;
  }

  async adopt({ jobId, fence }: AdoptionRequest): Promise<AdoptedContainer | undefined> {
    await this.reach('adopt', jobId);
    if (this.isUnavailable) throw new EngineError('inspect', 'unreachable', '');
    const found = this.existing.get(`fake-${jobId}-${fence}`);
    const adopted = found?.adopted();
    if (adopted === undefined) await found?.[Symbol.asyncDispose]();
    return adopted;
  }

  async signal(containerId: string, signal: number): Promise<boolean> {
    if (this.isUnavailable) throw new EngineError('signal', 'unreachable', '');
    return this.existing.get(containerId)?.signal(signal) ?? false;
  }

  async usage(containerId: string): Promise<ProcessUsage | undefined> {
    if (this.isUnavailable) throw new EngineError('inspect', 'unreachable', '');
    return this.existing.get(containerId)?.isRunning === true ? fakeUsage : undefined;
  }

  #findImage({ image, pullPolicy }: ContainerRequest): void {
    if (!this.missingImages.has(image)) return;
    if (pullPolicy === 'Never') throw imageMissing(image);
    throw pullFailure(new EngineError('pull', 'image_missing', ''), image);
  }

  /** For the containers: records the step, waits where a test holds it, fails where a test lets it fail. */
  async reach(step: FakeStep, jobId: string): Promise<void> {
    this.asked.push(`${step} ${jobId}`);
    await this.#holds.get(step)?.wait();
    const failure = this.#failures.get(step);
    this.#failures.delete(step);
    if (failure !== undefined) throw failure;
  }
}

const fakeUsage: ProcessUsage = {
  osPid: 4711,
  cpuPercent: 1.5,
  memoryPercent: 0.2,
  residentBytes: 5 * 1024 * 1024,
  virtualBytes: 9 * 1024 * 1024,
  cpuTimeMs: 1_234,
};

/** A step at which runs wait. */
export class Hold {
  readonly #released = new AbortController();
  readonly #reached = new AbortController();

  /** Resolves when a run has reached it. */
  get reached(): Promise<void> {
    return fired(this.#reached.signal);
  }

  release(): void {
    this.#released.abort();
  }

  async wait(): Promise<void> {
    this.#reached.abort();
    await fired(this.#released.signal);
  }
}

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
