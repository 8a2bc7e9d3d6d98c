import type { Readable } from 'node:stream';
import type { CreateOptions } from './container.js';

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
  /** Progress as the engine tells it, one object a step. Ends when the image is there; breaking off cancels the pull. */
  pull(reference: string, signal: AbortSignal): AsyncIterable<PullStep>;

  /** Returns the id of the new container. */
  create(name: string, options: CreateOptions): Promise<string>;
  findContainer(idOrName: string): Promise<ContainerFacts | undefined>;
  /** All containers with this label, running or not. */
  listContainers(label: string): Promise<ListedContainer[]>;
  /** Writes a plain tar over `/`. Only ever called on a container that was not started. */
  upload(id: string, tar: Readable, signal?: AbortSignal): Promise<void>;
  /** One file as a tar. Only ever called on a container that was not started. */
  findFile(id: string, path: string): Promise<Readable | undefined>;

  /** Resolves when the engine has opened the line; what the container prints from then on comes through it. */
  attach(id: string): Promise<Readable>;
  start(id: string): Promise<void>;
  /** Resolves when the container is not running; asked before the start, that is at once. */
  wait(id: string, signal: AbortSignal): Promise<void>;
  /** What the engine's log has kept, framed as on the attached line. Only complete after the end. */
  readLog(id: string): Promise<Readable>;
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
}

export interface ListedContainer {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAt: Date;
}
