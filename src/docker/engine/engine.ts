import type { Readable } from 'node:stream';
import type { CreateOptions } from '../container/container.js';

/**
 * The few calls that stint makes to a Docker engine, so that one file knows the client library.
 *
 * Every call has a deadline of its own and throws `EngineError`, or the reason of the given signal. `find…` returns
 * undefined where the engine says that there is no such thing.
 */
export interface Engine {
  version(): Promise<EngineVersion>;
  info(): Promise<EngineState>;
  hasNetwork(name: string): Promise<boolean>;

  findImage(reference: string): Promise<{ readonly id: string } | undefined>;
  listImages(): Promise<ListedImage[]>;
  /** Takes away one name, and the image with its last. False: a container is made of it, or somebody else's needs it. */
  removeImage(idOrName: string): Promise<boolean>;
  /** Ids of the images that containers are made of, running or not. */
  imagesInUse(): Promise<ReadonlySet<string>>;
  /** Progress as the engine tells it, one object a step. Ends when the image is there; breaking off cancels the pull. */
  pull(reference: string, signal: AbortSignal): AsyncIterable<PullStep>;

  /** Returns the id of the new container. */
  create(name: string, options: CreateOptions): Promise<string>;
  findContainer(idOrName: string): Promise<ContainerFacts | undefined>;
  /** All containers with this label, running or not. */
  listContainers(label: string): Promise<ListedContainer[]>;
  /** Writes a plain tar over `/`. Only ever called on a container that was not started. */
  upload(id: string, tar: Readable, signal?: AbortSignal): Promise<void>;
  /** One file as a tar. Only ever called on a container that was not started, or into which nothing is mounted. */
  findFile(id: string, path: string): Promise<Readable | undefined>;

  /** Resolves when the engine has opened the line; what the container prints from then on comes through it. */
  attach(id: string): Promise<Readable>;
  start(id: string): Promise<void>;
  /** Resolves when the container is not running; asked before the start, that is at once. */
  wait(id: string, signal: AbortSignal): Promise<void>;
  /** What the engine's log has kept, framed as on the attached line. Only complete after the end. */
  readLog(id: string): Promise<Readable>;
  /** The log from its beginning. */
  openLog(id: string, how: LogReading): Promise<Readable>;
  /**
   * Whether the engine saw this happen to the container, its end or a signal that was sent through the engine: it
   * remembers its latest events until it is restarted. False says nothing about the container.
   */
  remembers(id: string, event: 'die' | 'kill'): Promise<boolean>;
  /** Settles for a container that has ended already, too. */
  stop(id: string, graceMs: number): Promise<void>;
  kill(id: string): Promise<void>;
  /** With its anonymous volumes, running or not. */
  remove(id: string): Promise<void>;

  /** Lets go of idle connections. */
  close(): void;
}

export interface EngineVersion {
  readonly serverVersion: string;
  /** The newest API that the engine speaks, such as `1.41`. */
  readonly apiVersion: string;
}

export interface EngineState {
  /** The engine's own time; undefined where it does not tell. */
  readonly clock: Date | undefined;
  /** Its own name, the same over its restarts. */
  readonly id: string;
  readonly containers: number;
  readonly containersRunning: number;
  readonly containersPaused: number;
  readonly containersStopped: number;
  readonly images: number;
  readonly memTotalBytes: number;
  readonly cpus: number;
  readonly architecture: string;
  readonly operatingSystem: string;
  readonly serverVersion: string;
  /** Where it keeps images and containers, on its own host. */
  readonly dataRoot: string;
  /** Such as `name=seccomp,profile=default` or `name=userns`. */
  readonly securityOptions: readonly string[];
  /** Limits that this engine cannot enforce, each as a word: `memory`, `swap`, `cpu`, `pids`. */
  readonly missingLimits: readonly string[];
}

export interface PullStep {
  readonly status: string;
  /** Changes with every bit of progress. */
  readonly mark: string;
  /** Set when the pull failed: the engine reports that inside an answer that began well. */
  readonly error: string | undefined;
}

export interface LogReading {
  /** Goes on with what is added, until the container ends; may lack a last line that was not ended. */
  readonly follow: boolean;
  /** Each message begins with its time and a blank; pieces of one line have the same. */
  readonly timestamps: boolean;
  readonly signal: AbortSignal;
}

export interface ContainerFacts {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  /** `created`, `running`, `paused`, `restarting`, `removing`, `exited` or `dead`. */
  readonly status: string;
  readonly exitCode: number;
  readonly outOfMemory: boolean;
  /** Undefined: it was never started. */
  readonly startedAt: Date | undefined;
  /** Undefined: it never ended. */
  readonly finishedAt: Date | undefined;
  /** Of its first process, as the engine's host counts them; undefined when none runs. */
  readonly pid: number | undefined;
  readonly tty: boolean;
  readonly hasMounts: boolean;
}

export interface ListedContainer {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAt: Date;
}

export interface ListedImage {
  readonly id: string;
  /** Its tags; none when it was pulled by its digest, or when they moved on to a newer image. */
  readonly names: readonly string[];
  /** With all layers, shared or not. */
  readonly sizeBytes: number;
}
