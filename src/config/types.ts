// The type of the checked configuration that the other parts receive.
import type { Failpoint } from '../job/failpoint.js';
import type { Door, PullPolicy } from '../job/job.js';
import type { Retention } from '../job/keeping/retention.js';
import type { Limits } from '../job/options/options.js';
import type { OptionsPolicy } from '../job/options/policy.js';
import type { AllowRule } from '../job/options/rules.js';
import type { Secret } from '../job/secret.js';

/** All settings, frozen. Times are in milliseconds, sizes in bytes, paths absolute. */
export interface Config {
  readonly host: string;
  readonly port: number;
  /** Undefined: plain HTTP. */
  readonly tls:
    | { readonly certPath: string; readonly keyPath: string; readonly clientCaPath?: string | undefined }
    | undefined;
  readonly databaseUrl: Secret;
  readonly vault: VaultConfig;
  readonly docker: DockerConfig;
  readonly job: JobConfig;
  /** A wrapping token that expires sooner gets a warning; 0: none does. */
  readonly wrapMinimumMs: number;
  readonly access: 'owner' | 'shared';
  /** Those that are switched on. */
  readonly doors: readonly Door[];
  /** For callers of these doors that send no token, from these networks; undefined: there is none. */
  readonly serviceToken:
    | {
        readonly token: Secret;
        readonly doors: readonly Door[];
        readonly networks: readonly { readonly address: string; readonly prefix: number }[];
      }
    | undefined;
  readonly jobproxy: JobProxyConfig;
  readonly gaffer: GafferConfig;
  /** In lower case, as Vault keeps them. Empty: nobody is an operator. */
  readonly operatorPolicies: readonly string[];
  /** Tokens that Vault refuses and is asked about at once. */
  readonly badTokens: { readonly perAddress: number; readonly inAll: number };
  /** Requests of one caller at once. */
  readonly callerTurns: { readonly inWork: number; readonly waiting: number };
  /** Long outputs that are taken at once. */
  readonly longAnswers: { readonly perCaller: number; readonly inAll: number };
  /** What clients must take of their answers in 30 seconds, and what may wait for all of them. */
  readonly reading: { readonly leastBytes: number; readonly mostWaitingBytes: number };
  /** Undefined: Vault is asked for no rights. */
  readonly rightsPath: string | undefined;
  readonly submitNeedsRight: boolean;
  readonly slots: number;
  /** Of one owner; 0: any number. */
  readonly ownerSlots: number;
  readonly starts: number;
  readonly sandboxes: number;
  /** Of queues without a limit of their own; 0: any number. */
  readonly queueLimit: number;
  /** What may wait of one owner and in all; 0: any number. */
  readonly waitingLimits: Readonly<
    Record<'owner' | 'all', { readonly jobs: number; readonly bytes: number }>
  >;
  readonly stopGraceMs: number;
  readonly maxRunTimeMs: number;
  readonly outputLimitBytes: number;
  readonly maskOutput: boolean;
  /** The login of a job that prints a secret is revoked at once. */
  readonly revokesPrinted: boolean;
  readonly imageSecretRefs: boolean;
  readonly bodyLimitBytes: number;
  /** For large requests in work. */
  readonly workMemoryBytes: number;
  /** Of a job's content, unpacked. */
  readonly contentLimitBytes: number;
  readonly runai: {
    /** Undefined: any. */
    readonly projects: readonly string[] | undefined;
    readonly serialProjects: boolean;
  };
  readonly lopco: LopcoConfig;
  readonly secretsDirectory: string;
  readonly stateDirectory: string;
  /** 32 bytes in base64; undefined: a key file in the state directory. */
  readonly sealKey: Secret | undefined;
  /** Undefined: an id kept in the state directory. */
  readonly nodeId: string | undefined;
  readonly leaseMs: number;
  /** How long after the end of its lease a job is settled, whichever node held it. */
  readonly lostGraceMs: number;
  /** How long a queue is held for a lost job whose container may still run. */
  readonly holdLimitMs: number;
  readonly onShutdown: 'finish' | 'leave';
  readonly drainTimeoutMs: number;
  /** How long a submit may be repeated under its key. */
  readonly keyTtlMs: number;
  /** `key`: of the transit engine, for the head of the history; undefined: none is signed. */
  readonly audit: { readonly key: string | undefined; readonly intervalMs: number };
  readonly reapGraceMs: number;
  /** Of jobs that have ended. */
  readonly retention: Retention;
  /** Of all images that stint pulled; undefined: they stay. */
  readonly imageCacheBytes: number | undefined;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  /** Where a server in a crash test kills, stops or delays itself; empty everywhere else. */
  readonly failpoints: readonly Failpoint[];
}

export interface VaultConfig {
  /** Without a slash at its end. */
  readonly address: string;
  readonly externalAddress: string;
  readonly caCertPath: string | undefined;
  readonly namespace: string | undefined;
  readonly skipVerify: boolean;
  readonly timeoutMs: number;
  /** What jobs log in with. */
  readonly appRole: { readonly id: Secret; readonly name: string; readonly mount: string };
  readonly transit: { readonly mount: string; readonly key: string };
  readonly acceptRewrapped: boolean;
  /** The server's own login; undefined where it has none. */
  readonly serverLogin: ServerLoginConfig | undefined;
  /** What makes logins at Postgres; undefined: the URL has one. */
  readonly databaseCredentials: string | undefined;
  /** For all secret values of a job together. */
  readonly secretsLimitBytes: number;
}

export type ServerLoginConfig =
  | {
      readonly method: 'approle';
      readonly roleId: Secret;
      readonly secretId: Secret;
      /** Where the SecretID came from, if it was a file. */
      readonly secretIdFile: string | undefined;
      readonly isWrapped: boolean;
    }
  | { readonly method: 'token'; readonly file: string }
  | {
      readonly method: 'kubernetes';
      readonly mount: string;
      readonly role: string;
      readonly jwtFile: string;
    };

export interface DockerConfig {
  /** `unix:///path` or `tcp://host:port`. */
  readonly host: string;
  readonly pullTimeoutMs: number;
  /** Undefined: found out from the engine. */
  readonly containerdRoot: string | undefined;
  /** Undefined: every image may run. */
  readonly verifier: { readonly program: string; readonly timeoutMs: number } | undefined;
}

/** What every job gets and is limited to. */
export interface JobConfig {
  readonly memoryBytes: number;
  readonly cpus: number;
  readonly pids: number;
  readonly network: string;
  readonly sharedMemoryBytes: number;
  /** What a job may ask of its container beyond that. */
  readonly policy: OptionsPolicy;
  /** What more jobs of single queues and doors may ask for. */
  readonly rules: readonly AllowRule[];
  readonly readOnly: boolean;
  /** Undefined: the profile of the engine. */
  readonly seccompPath: string | undefined;
  readonly init: 'auto' | 'always' | 'never';
  readonly tokenInEnv: boolean;
}

/** What gaffer's door adds to the jobs it loads. */
export interface GafferConfig {
  /** For jobs that name none; undefined: they are refused. */
  readonly image: string | undefined;
  /** For jobs without a brake of their own; times in seconds. */
  readonly flapping: {
    readonly attempts: number;
    readonly window: number;
    readonly retry_in: number;
    readonly max_retry: number;
  };
  /** Whose pages may call it. */
  readonly origins: readonly string[];
}

/** What JobProxy's door adds to the tasks it takes. */
export interface JobProxyConfig {
  /** For tasks without a container; undefined: they are refused. */
  readonly image: string | undefined;
  readonly pullPolicy: PullPolicy;
  /** What a plain number of memory counts. */
  readonly memoryUnitBytes: number;
  /** The serial queue of all its tasks; `null`: none. */
  readonly queue: string | null;
  /** Below it are the files of their output; undefined: none are written. */
  readonly outputRoot: string | undefined;
}

/** How LOPCO's door runs its jobs. */
export interface LopcoConfig {
  readonly mostRunning: number;
  /** Workers of one stage at once. */
  readonly parallel: number;
  /** Base addresses of registries that are not kept here. */
  readonly registries: { readonly machine: string | undefined; readonly pipeline: string | undefined };
  /** Without a slash at its end; undefined: no job is taken. */
  readonly callbackUrl: string | undefined;
  /** Undefined: the network of all jobs. */
  readonly network: string | undefined;
  readonly cacheVolume: string;
  /** Of one worker. */
  readonly limits: Limits;
  /** Undefined: files stay in the data cache. */
  readonly cleanUpImage: string | undefined;
}
