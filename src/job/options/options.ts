// The types of what a container gets beside image, command and environment: user, limits, network, ports, mounts, GPUs.

/**
 * What a request asks for its container. All are optional: what is not given is as the operator set it for all jobs. None
 * of it is secret. `checkOptions` says what is well formed, `findForbidden` what the operator allows.
 */
export interface ContainerOptions {
  /** Undefined: 2001:2001. `image`: the one that the image names. */
  readonly user?: UserId | 'image';
  /** `bridge`, `none`, `host`, `isolated` (a bridge of stint's own that keeps containers apart) or the name of a network of the engine. */
  readonly network?: string;
  readonly ports?: readonly PortMapping[];
  readonly mounts?: readonly Mount[];
  readonly limits?: Limits;
  readonly reserved?: Reservations;
  /** Whole ones. Which of its GPUs they are is up to the engine. */
  readonly gpus?: number;
  /** An absolute path: an empty directory of the job's user, in memory, gone with the container. */
  readonly home?: string;
  readonly output?: OutputTargets;
  /** Between the stop signal and SIGKILL. */
  readonly stopGraceMs?: number;
  /** Its program has a standard input that stays open. Without it the input is empty. */
  readonly stdin?: boolean;
  /** Names of pairs of pipes in `pipesDirectory`, by which others talk to the program while it runs. */
  readonly pipes?: readonly string[];
}

/** Where a job wants its two streams, beside the store: paths of files. What goes to `/dev/null` is not stored either. */
export interface OutputTargets {
  readonly stdout?: string;
  readonly stderr?: string;
}

/** As numbers: an image need not have a name for it. */
export interface UserId {
  readonly uid: number;
  readonly gid: number;
}

/** A TCP port of the container that is published on the node. */
export interface PortMapping {
  readonly container: number;
  /** 0: a port that the engine chooses. */
  readonly host: number;
  /** Only on the loopback address of the node; otherwise on all its addresses. */
  readonly loopbackOnly: boolean;
}

/** A port of the container, and the port of the node where the engine published it. */
export interface PublishedPort {
  readonly container: number;
  readonly host: number;
}

/** A directory or file of the node, or a volume of the engine, that the container has at `target`. */
export interface Mount {
  readonly kind: 'bind' | 'volume';
  /** An absolute path of the node, which is never created, or the name of a volume, which the engine creates empty. */
  readonly source: string;
  /** An absolute path in the container. */
  readonly target: string;
  readonly readOnly: boolean;
}

/**
 * What the job counts on. Nothing is set aside: where the node is short of CPUs they are shared out in this proportion, and a
 * job that uses more memory than it reserved is the first to be pressed for it.
 */
export interface Reservations {
  readonly cpus?: number;
  readonly memoryBytes?: number;
}

/** At most this much; what is not given is limited as the operator set it for all jobs. */
export interface Limits {
  /** CPUs at once; fractions are allowed. */
  readonly cpus?: number;
  readonly memoryBytes?: number;
  /** Processes and threads. */
  readonly pids?: number;
  readonly sharedMemoryBytes?: number;
  /** CPU time of all processes of the container together. */
  readonly cpuTimeMs?: number;
  /** From start to end. */
  readonly runTimeMs?: number;
}
