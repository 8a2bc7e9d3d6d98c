// The contract `Backend`: how the executor runs containers.
import type { PullPolicy } from '../job/job.js';
import type { ContainerOptions, PublishedPort } from '../job/options/options.js';
import type { OptionsPolicy } from '../job/options/policy.js';
import type { ProcessUsage } from '../job/options/usage.js';
import type { Exit } from '../job/outcome.js';
import type { Secret } from '../job/secret.js';

/**
 * One instance talks to one engine and serves the whole process; calls for different jobs may overlap. The order
 * for one job: `checkContent` (at submit and again before use), `prepare`, `deliver` once, `start` once, then
 * `output` read to its end while `wait` or `stop` is pending, then dispose.
 *
 * Everything up to `prepare` is done without credentials, so that most failures happen there: after it the image is
 * present, the content is uploaded, the container exists. A container is started at most once: its name is made of the
 * job and the claim's fence, and a second start of the same name is refused.
 *
 * Abort: `signal` ends `prepare` early, at a pull for instance. After `start` only `stop` ends the container.
 * Dispose removes the container with its anonymous volumes and every file on the host, whatever state they are in,
 * also when `prepare` failed half way; it never throws and may be repeated.
 *
 * Failures: `JobFailedError` when the job is at fault or cannot continue, `BrokenError` when the engine is.
 */
export interface Backend {
  /** Throws a retryable `BrokenError` when no container could be made now. Called before credentials are spent. */
  check(): Promise<void>;
  /** Reads the whole archive, unpacks nothing. Refuses with `content_refused` and names the entries. */
  checkContent(content: Uint8Array): Promise<ContentMetadata>;
  /** `login`: of this job alone. It is used for nothing but asking and pulling from its registry, and kept no longer. */
  prepare(request: ContainerRequest, signal: AbortSignal, login?: RegistryLogin): Promise<PreparedContainer>;
  /**
   * Finds the container that the previous process of this node started for a job, running or ended. Undefined when it
   * is gone, when it has the name but is not ours, or when it was never started, and is removed then. Waits while the
   * engine is unavailable, as `wait` does, and throws `BrokenError` when that takes too long.
   */
  adopt(request: AdoptionRequest): Promise<AdoptedContainer | undefined>;
  /**
   * Sends a signal, by Linux's number, to the program of a started container. False: it does not run. The program is process 1
   * of its container where there is no init process; then a signal that it does not handle has no effect, but for SIGKILL.
   */
  signal(containerId: string, signal: number): Promise<boolean>;
  /** What the processes of a container use; undefined where it does not run. */
  usage(containerId: string): Promise<ProcessUsage | undefined>;
}

export interface AdoptionRequest {
  readonly jobId: string;
  /** The fence in the container's name: that of the claim that created it. */
  readonly fence: number;
  /** Names of its pipes. */
  readonly pipes?: readonly string[];
}

/** A container that a previous process started. Dispose removes it, like a prepared one. */
export interface AdoptedContainer extends AsyncDisposable {
  readonly id: string;
  /** How long ago it was started, in milliseconds, by the engine's clock. */
  readonly ranMs: number;
  readonly hasEnded: boolean;
  readonly tty: boolean;
  /** Whether the job got a secrets file. */
  readonly hasSecretsFile: boolean;
  /** The secrets file as it was delivered; undefined when there is none, or it can no longer be read. */
  readonly secrets: Uint8Array | undefined;
  /**
   * Continues the output after so many bytes of each stream. Called once. The output throws at its end when it could
   * not continue exactly there, or when bytes may be missing; `wait` and `stop` work as for a new container.
   */
  resume(from: StreamPositions): RunningContainer;
}

/** How many bytes of each stream are known. */
export interface StreamPositions {
  readonly stdout: number;
  readonly stderr: number;
}

/** The text of `gostint.yml` in the archive; undefined when there is no such file. */
export interface ContentMetadata {
  readonly metadata: string | undefined;
}

export interface ContainerRequest {
  readonly jobId: string;
  readonly fence: number;
  readonly queue: string | null;
  /** Whose job it is; what one owner's job has used may be used again by another of the same owner. */
  readonly owner: string;
  readonly image: string;
  readonly pullPolicy: PullPolicy;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly workingDirectory: string | undefined;
  readonly env: readonly string[];
  readonly tty: boolean;
  /** Whether an init process of ours is process 1. Undefined: as the image needs it. */
  readonly init: boolean | undefined;
  readonly content: Uint8Array | undefined;
  /** Absolute path inside the container, `/secrets.yml` or `/secrets.json`. Undefined: no such file. */
  readonly secretsPath: string | undefined;
  readonly options: ContainerOptions;
  /** What the operator gives it, and below what its mounts must be once their links are followed. */
  readonly policy: Pick<OptionsPolicy, 'capabilities' | 'mounts'>;
}

/** How a job identifies itself at the registry of its image: by name and password, or by a token. */
export interface RegistryLogin {
  /** That of the image: the login is sent to no other. */
  readonly registry: string;
  readonly username: string | undefined;
  readonly password: Secret | undefined;
  readonly identityToken: Secret | undefined;
}

export interface PreparedContainer extends AsyncDisposable {
  readonly id: string;
  /** As its engine names it. */
  readonly imageId: string;
  /** By which its registry knows it; undefined where the engine knows of none. */
  readonly imageDigest: string | undefined;
  /** Text of `/gostint_image.yml` in the image; undefined where there is none. */
  readonly imageMetadata: string | undefined;
  /** Writes the secrets file, where there is one. Called once, before `start`. */
  deliver(secrets: Uint8Array | undefined): Promise<void>;
  /** Attaches to the output, then starts, so that no byte of the output is missed. */
  start(): Promise<RunningContainer>;
}

/** A pair of named pipes of a program, as `ContainerOptions.pipes` names it. */
export interface ProgramPipe {
  readonly name: string;
  /** What the program writes, in order. Ends when the container has ended and all was read. Read once. */
  readonly output: AsyncIterable<Uint8Array>;
  /** Resolves when the pipe has taken all of it, or the container has ended. Not called again before it has settled. */
  write(bytes: Uint8Array): Promise<void>;
}

export interface RunningContainer {
  /**
   * Every byte in the order of arrival. Ends when the container has ended and all was read; throws when bytes may be
   * lost.
   */
  readonly output: AsyncIterable<OutputPart>;
  /** Settles when the engine says that the container ended. */
  wait(): Promise<Exit>;
  /** Where its ports are published; empty once it has ended. */
  ports(): Promise<readonly PublishedPort[]>;
  /**
   * Writes to the standard input of its program, which must have one (`ContainerOptions.stdin`). Resolves when the engine has
   * taken all of it: the program may read it later. After its end nothing happens. Not called again before it has settled.
   */
  write(bytes: Uint8Array): Promise<void>;
  /** Those that the job asked for, with what is in them. */
  readonly pipes: readonly ProgramPipe[];
  /** CPU time of all its processes since its start, in milliseconds; undefined where the engine cannot tell. */
  cpuTimeMs(): Promise<number | undefined>;
  /** Sends the stop signal, waits `graceMs`, then kills. Returns when the engine confirms the end; may be repeated. */
  stop(graceMs: number): Promise<void>;
}

export interface OutputPart {
  readonly stream: 'stdout' | 'stderr';
  readonly bytes: Uint8Array;
}
