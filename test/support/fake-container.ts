import { setTimeout as delay } from 'node:timers/promises';
import { gpuUnavailable } from '../../src/docker/container/errors.js';
import { EngineError } from '../../src/docker/engine/errors.js';
import { commandNotFound, startError } from '../../src/docker/program/start-errors.js';
import type {
  AdoptedContainer,
  ContainerRequest,
  OutputPart,
  PreparedContainer,
  ProgramPipe,
  RunningContainer,
  StreamPositions,
} from '../../src/executor/backend.js';
import { BrokenError } from '../../src/job/errors.js';
import type { PublishedPort } from '../../src/job/options/options.js';
import type { Exit } from '../../src/job/outcome.js';

/** Commands that are there and cannot be started, each for the reason in its name. */
export const unstartable = {
  capabilities: startError('/opt/capabilities', 'operation not permitted'),
  link_loop: startError('/opt/link_loop', 'too many levels of symbolic links'),
  interpreter: commandNotFound('/opt/interpreter', 'the image lacks its interpreter "/opt/nonesuch"'),
  windows_line_ends: commandNotFound('/opt/windows_line_ends', 'its lines end as Windows writes them'),
};

/** One thing that a fake program does; a program ends with 0 after the last of them. */
export type Act =
  | { readonly print: string | Uint8Array; readonly on?: OutputPart['stream'] }
  /** Prints the secrets file. */
  | { readonly show: 'secrets' }
  /** Runs until SIGTERM and then ends with 143, or until it is killed. */
  | { readonly linger: 'until_told' | 'until_killed' }
  /** Prints each line of its input, up to this one; or does so with a pipe. */
  | { readonly echo: string; readonly pipe?: string }
  | { readonly exit: number; readonly outOfMemory?: boolean; readonly proven?: boolean }
  /** The command of this name is not there. */
  | { readonly missing: string }
  /** The command is there and cannot be started for this reason. */
  | { readonly unstartable: keyof typeof unstartable }
  /** The engine loses the container: how it ended is unknown. */
  | { readonly vanish: true }
  /** The output connection breaks for good; the program keeps running. */
  | { readonly breakOutput: true };

/** What can be made to fail or wait. */
export type FakeStep =
  | 'checkContent'
  | 'prepare'
  | 'adopt'
  | 'deliver'
  | 'start'
  | 'write'
  | 'wait'
  | 'stop'
  | 'dispose';

/** What a fake container needs from its backend. */
export interface FakeContainerHost {
  /** The secrets that were delivered, by job. */
  readonly delivered: Map<string, string>;
  /** Text of `/gostint_image.yml`, by image. */
  readonly imageMetadata: ReadonlyMap<string, string>;
  /** The containers that exist, by name. */
  readonly existing: Map<string, FakeContainer>;
  readonly hidesSecrets: boolean;
  /** Of all its containers. */
  readonly cpuTimeMs: number | undefined;
  /** Records the step, waits where a test holds it, fails where a test lets it fail. */
  reach(step: FakeStep, jobId: string): Promise<void>;
}

interface FakeContainerParts {
  readonly name: string;
  readonly request: ContainerRequest;
  readonly acts: readonly Act[];
}

/** A container of `FakeBackend`: it plays its acts whether its output is read or not. */
export class FakeContainer implements PreparedContainer {
  readonly id: string;
  readonly #backend: FakeContainerHost;
  readonly #parts: FakeContainerParts;
  readonly #line = new FakeOutput();
  readonly #told = new AbortController();
  readonly #killed = new AbortController();
  #step: 'prepared' | 'delivered' | 'started' | 'disposed' = 'prepared';
  #secrets: Uint8Array | undefined;
  #exit: Promise<Exit> | undefined;
  readonly #input = new FakeOutput();
  readonly #pipes: ReadonlyMap<string, FakePipe>;
  #startedAt = new Date(0);
  #hasEnded = false;

  constructor(backend: FakeContainerHost, parts: FakeContainerParts) {
    this.#backend = backend;
    this.#parts = parts;
    const { pipes = [] } = parts.request.options;
    this.#pipes = new Map(
      pipes.map((name) => [name, { input: new FakeOutput(), output: new FakeOutput(), taken: 0 }]),
    );
    this.id = parts.name;
  }

  get imageId(): string {
    return `sha256:${this.#parts.request.image}`;
  }

  get imageDigest(): string | undefined {
    return undefined;
  }

  get imageMetadata(): string | undefined {
    return this.#backend.imageMetadata.get(this.#parts.request.image);
  }

  get wasStarted(): boolean {
    return this.#exit !== undefined;
  }

  get isRunning(): boolean {
    return this.wasStarted && !this.#hasEnded;
  }

  /** It knows two signals, and ignores the others. */
  signal(signal: number): boolean {
    if (!this.isRunning) return false;
    if (signal === 15) this.#told.abort();
    if (signal === 9) this.#killed.abort();
    return true;
  }

  async deliver(secrets: Uint8Array | undefined): Promise<void> {
    this.#take('prepared', 'delivered');
    await this.#reach('deliver');
    this.#secrets = secrets;
    if (secrets === undefined) return;
    this.#backend.delivered.set(this.#parts.request.jobId, Buffer.from(secrets).toString());
  }

  async start(): Promise<RunningContainer> {
    this.#take('delivered', 'started');
    await this.#reach('start');
    if (this.#backend.existing.get(this.id) !== this) throw new EngineError('start', 'container_missing', '');
    if (this.#parts.request.options.gpus !== undefined) throw gpuUnavailable(noGpu);
    this.#startedAt = new Date();
    const exit = this.#play().finally(() => {
      this.#hasEnded = true;
      for (const { output } of [{ output: this.#line }, ...this.#pipes.values()]) output.end();
    });
    this.#exit = exit;
    exit.catch(() => undefined); // It may fail before anything waits for it.
    return this.#running(exit, { stdout: 0, stderr: 0 });
  }

  /** For the backend: the container as an adopting process finds it; undefined where it was never started. */
  adopted(): AdoptedContainer | undefined {
    const exit = this.#exit;
    if (exit === undefined) return undefined;
    return {
      id: this.id,
      ranMs: Date.now() - this.#startedAt.getTime(),
      hasEnded: this.#hasEnded,
      tty: this.#parts.request.tty,
      hasSecretsFile: this.#parts.request.secretsPath !== undefined,
      secrets: this.#backend.hidesSecrets ? undefined : this.#secrets,
      resume: (from) => this.#running(exit, from),
      [Symbol.asyncDispose]: () => this[Symbol.asyncDispose](),
    };
  }

  #running(exit: Promise<Exit>, from: StreamPositions): RunningContainer {
    return {
      output: this.#line.read(from),
      wait: async () => {
        await this.#reach('wait');
        return await exit;
      },
      ports: async () => (this.#hasEnded ? [] : publishedPorts(this.#parts.request)),
      write: (bytes) => this.#write(bytes, this.#input),
      pipes: [...this.#pipes].map(([name, pipe]) => this.#programPipe(name, pipe)),
      cpuTimeMs: async () => this.#backend.cpuTimeMs,
      stop: (graceMs) => this.#stop(exit, graceMs),
    };
  }

  async #play(): Promise<Exit> {
    for (const act of this.#parts.acts) {
      const exit = await this.#perform(act);
      if (exit !== undefined) return exit;
    }
    return ended(0);
  }

  async #perform(act: Act): Promise<Exit | undefined> {
    if ('linger' in act) return await this.#runUntilSignal(act.linger);
    if ('echo' in act) return await this.#echo(act);
    if ('exit' in act) return exitOf(act);
    if ('missing' in act) throw commandNotFound(act.missing);
    if ('unstartable' in act) throw unstartable[act.unstartable];
    if ('print' in act) this.#line.push({ stream: this.#streamOf(act), bytes: Buffer.from(act.print) });
    if ('show' in act) this.#line.push({ stream: 'stdout', bytes: this.#secrets ?? new Uint8Array() });
    if ('breakOutput' in act || 'vanish' in act) this.#line.fail(gone('read the output'));
    if ('vanish' in act) throw gone('learn how the container ended');
    return undefined;
  }

  #programPipe(name: string, pipe: FakePipe): ProgramPipe {
    const write = (bytes: Uint8Array) => this.#write(bytes, pipe.input);
    return { name, output: bytesOf(pipe), write };
  }

  async #write(bytes: Uint8Array, input: FakeOutput): Promise<void> {
    await this.#reach('write');
    if (this.isRunning) input.push({ stream: 'stdout', bytes: Buffer.from(bytes) });
  }

  /** Without an input it ends at once. */
  async #echo({ echo: last, pipe: name }: Extract<Act, { echo: string }>): Promise<undefined> {
    if (name === undefined && this.#parts.request.options.stdin !== true) return;
    const pipe = this.#pipes.get(name ?? '') ?? { input: this.#input, output: this.#line };
    let text = '';
    for await (const { bytes } of pipe.input.read({ stdout: 0, stderr: 0 })) {
      text += Buffer.from(bytes).toString('latin1'); // Byte by byte: a piece may end within a character.
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      const end = lines.indexOf(last);
      const printed = lines.slice(0, end < 0 ? undefined : end).map((line) => `${line}\n`);
      pipe.output.push({ stream: 'stdout', bytes: Buffer.from(printed.join(''), 'latin1') });
      if (end >= 0) return;
    }
  }

  /** A terminal has one. */
  #streamOf({ on = 'stdout' }: { on?: OutputPart['stream'] }): OutputPart['stream'] {
    return this.#parts.request.tty ? 'stdout' : on;
  }

  async #runUntilSignal(how: 'until_told' | 'until_killed'): Promise<Exit> {
    const killed = fired(this.#killed.signal).then(() => 137);
    const told = fired(this.#told.signal).then(() => 143);
    return ended(await (how === 'until_told' ? Promise.race([told, killed]) : killed));
  }

  async #stop(exit: Promise<Exit>, graceMs: number): Promise<void> {
    await this.#reach('stop');
    this.#told.abort();
    const isOver = exit.then(
      () => undefined,
      () => undefined,
    );
    await Promise.race([
      isOver,
      delay(graceMs, undefined, { ref: false, signal: this.#killed.signal }).catch(() => undefined),
    ]);
    this.#killed.abort();
    await isOver;
  }

  async #reach(step: 'deliver' | 'start' | 'write' | 'wait' | 'stop'): Promise<void> {
    await this.#backend.reach(step, this.#parts.request.jobId);
  }

  #take(from: 'prepared' | 'delivered', to: 'delivered' | 'started'): void {
    if (this.#step !== from)
      throw new Error(
        `Expected a container that is ${from} before it is ${to}, got one that is ${this.#step}.`,
      );
    this.#step = to;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#step === 'disposed') return;
    this.#step = 'disposed';
    await this.#backend.reach('dispose', this.#parts.request.jobId);
    this.#killed.abort();
    await this.#exit?.catch(() => undefined);
    if (this.#backend.existing.get(this.id) === this) this.#backend.existing.delete(this.id);
  }
}

/** It has none, as Docker's engine says that. */
const noGpu = new EngineError(
  'start',
  'no_gpu',
  'could not select device driver "" with capabilities: [[gpu]]',
);

/** Where the engine may choose, this one takes the container's port and 40000. */
function publishedPorts({ options }: ContainerRequest): PublishedPort[] {
  return (options.ports ?? []).map(({ container, host }) => ({
    container,
    host: host || container + 40_000,
  }));
}

interface FakePipe {
  readonly input: FakeOutput;
  readonly output: FakeOutput;
  /** So many bytes of the output were read. */
  taken: number;
}

/** What was read is gone from a pipe, whoever read it. */
async function* bytesOf(pipe: FakePipe): AsyncGenerator<Uint8Array> {
  for await (const { bytes } of pipe.output.read({ stdout: pipe.taken, stderr: 0 })) {
    pipe.taken += bytes.length;
    yield bytes;
  }
}

/** What a program prints, kept until it is read. */
class FakeOutput {
  readonly #parts: OutputPart[] = [];
  readonly #wakers = new Set<() => void>();
  #end: 'open' | 'ended' | Error = 'open';

  push(part: OutputPart): void {
    if (this.#end !== 'open') return;
    this.#parts.push(part);
    this.#wake();
  }

  end(): void {
    if (this.#end === 'open') this.#end = 'ended';
    this.#wake();
  }

  fail(error: Error): void {
    this.#end = error;
    this.#wake();
  }

  async *read(from: StreamPositions): AsyncGenerator<OutputPart> {
    const left = { ...from };
    for (let index = 0; ; ) {
      const part = this.#parts[index];
      if (part !== undefined) {
        index++;
        const skipped = Math.min(part.bytes.length, left[part.stream]);
        left[part.stream] -= skipped;
        if (skipped < part.bytes.length) yield { stream: part.stream, bytes: part.bytes.subarray(skipped) };
      } else if (this.#end === 'ended') return;
      else if (this.#end !== 'open') throw this.#end;
      else await new Promise<void>((resolve) => this.#wakers.add(resolve));
    }
  }

  #wake(): void {
    for (const waker of this.#wakers) waker();
    this.#wakers.clear();
  }
}

function ended(exitCode: number): Exit {
  return { exitCode, outOfMemory: false, proven: true };
}

function exitOf({ exit, outOfMemory = false, proven = true }: Extract<Act, { exit: number }>): Exit {
  return { exitCode: exit, outOfMemory, proven };
}

function gone(what: string): BrokenError {
  return new BrokenError(
    'engine_unavailable',
    `Could not ${what}: the engine does not know the container any more.`,
    {
      retryable: false,
    },
  );
}

/** Resolves when the signal has fired. */
export async function fired(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
