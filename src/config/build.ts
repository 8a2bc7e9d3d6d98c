// Turns checked setting values into the `Config` object, with the defaults that depend on the machine or on others.
import { join } from 'node:path';
import { doors } from '../job/job.js';
import type { OptionsPolicy } from '../job/options/policy.js';
import type { AllowRule } from '../job/options/rules.js';
import type { SettingFiles } from './collect.js';
import { defaultHost } from './rules.js';
import type { SettingValues } from './schema.js';
import type {
  Config,
  DockerConfig,
  GafferConfig,
  JobConfig,
  JobProxyConfig,
  LopcoConfig,
  ServerLoginConfig,
  VaultConfig,
} from './types.js';

/** Facts about the machine that defaults are derived from. */
export interface MachineFacts {
  readonly cores: number;
  readonly isRoot: boolean;
  readonly home: string;
}

/** Builds the configuration. A default that depends on another setting or on the machine is worked out here. */
export function toConfig(
  values: SettingValues,
  machine: MachineFacts,
  { files, rules }: { files: SettingFiles; rules: readonly AllowRule[] },
): Config {
  const slots = values.STINT_SLOTS ?? 2 * machine.cores;
  return {
    host: values.STINT_HOST ?? defaultHost(values.STINT_TLS_CERT),
    port: values.STINT_PORT,
    tls: pairOf(values.STINT_TLS_CERT, values.STINT_TLS_KEY, (certPath, keyPath) => ({
      certPath,
      keyPath,
      ...(values.STINT_TLS_CLIENT_CA !== undefined && { clientCaPath: values.STINT_TLS_CLIENT_CA }),
    })),
    databaseUrl: values.STINT_DATABASE_URL,
    vault: toVault(values, files),
    wrapMinimumMs: values.STINT_WRAP_MINIMUM,
    access: values.STINT_ACCESS,
    doors: values.STINT_DOORS ?? doors,
    serviceToken: toServiceToken(values),
    jobproxy: toJobProxy(values),
    gaffer: toGaffer(values),
    operatorPolicies: values.STINT_OPERATOR_POLICIES ?? [],
    ...toCallerLimits(values),
    rightsPath: values.STINT_RIGHTS ? values.STINT_RIGHTS_PATH : undefined,
    submitNeedsRight: values.STINT_SUBMIT_NEEDS_RIGHT,
    slots,
    ownerSlots: values.STINT_OWNER_SLOTS,
    starts: values.STINT_STARTS ?? machine.cores,
    sandboxes: values.STINT_SANDBOXES ?? Math.min(usualSandboxes, slots),
    ...toBounds(values),
    stopGraceMs: values.STINT_STOP_GRACE,
    maxRunTimeMs: values.STINT_MAX_RUN_TIME,
    outputLimitBytes: values.STINT_OUTPUT_LIMIT,
    maskOutput: values.STINT_MASK_OUTPUT,
    imageSecretRefs: values.STINT_IMAGE_SECRET_REFS,
    revokesPrinted: values.STINT_ON_SECRET_IN_OUTPUT === 'revoke',
    contentLimitBytes: values.STINT_CONTENT_LIMIT,
    docker: toDocker(values),
    job: toJob(values, machine, rules),
    runai: toRunai(values),
    lopco: toLopco(values),
    secretsDirectory: values.STINT_SECRETS_DIR,
    stateDirectory: values.STINT_STATE_DIR ?? defaultStateDirectory(machine),
    sealKey: values.STINT_SEAL_KEY,
    nodeId: values.STINT_NODE_ID,
    leaseMs: values.STINT_LEASE,
    lostGraceMs: values.STINT_LOST_GRACE,
    holdLimitMs: values.STINT_HOLD_LIMIT,
    onShutdown: values.STINT_ON_SHUTDOWN,
    drainTimeoutMs: values.STINT_DRAIN_TIMEOUT,
    keyTtlMs: values.STINT_IDEMPOTENCY_TTL,
    audit: { key: values.STINT_AUDIT_KEY, intervalMs: values.STINT_AUDIT_INTERVAL },
    reapGraceMs: values.STINT_REAP_GRACE,
    imageCacheBytes: values.STINT_IMAGE_CACHE,
    logLevel: values.STINT_DEBUG ? 'debug' : values.STINT_LOG_LEVEL,
    failpoints: values.STINT_FAILPOINTS ?? [],
  };
}

/** Of jobs that wait, and of those that have ended. */
function toBounds(values: SettingValues): Pick<Config, 'queueLimit' | 'waitingLimits' | 'retention'> {
  return {
    queueLimit: values.STINT_QUEUE_LIMIT,
    waitingLimits: {
      owner: { jobs: values.STINT_OWNER_WAITING, bytes: values.STINT_OWNER_WAITING_BYTES },
      all: { jobs: values.STINT_WAITING, bytes: values.STINT_WAITING_BYTES },
    },
    retention: { ageMs: values.STINT_RETENTION, most: values.STINT_RETENTION_JOBS ?? new Map() },
  };
}

/** How much of the server callers may take. */
function toCallerLimits(values: SettingValues) {
  return {
    badTokens: { perAddress: values.STINT_BAD_TOKENS_PER_ADDRESS, inAll: values.STINT_BAD_TOKENS },
    callerTurns: { inWork: values.STINT_CALLER_REQUESTS, waiting: values.STINT_CALLER_WAITING },
    longAnswers: { perCaller: values.STINT_LONG_ANSWERS_PER_CALLER, inAll: values.STINT_LONG_ANSWERS },
    reading: { leastBytes: values.STINT_LEAST_READ, mostWaitingBytes: values.STINT_UNREAD_LIMIT },
    workMemoryBytes: values.STINT_WORK_MEMORY,
    bodyLimitBytes: values.STINT_BODY_LIMIT,
  };
}

function toVault(values: SettingValues, files: SettingFiles): VaultConfig {
  return {
    address: values.VAULT_ADDR,
    externalAddress: values.VAULT_EXTERNAL_ADDR ?? values.VAULT_ADDR,
    caCertPath: values.VAULT_CACERT,
    namespace: values.VAULT_NAMESPACE,
    skipVerify: values.VAULT_SKIP_VERIFY,
    timeoutMs: values.STINT_VAULT_TIMEOUT,
    appRole: {
      id: values.STINT_APPROLE_ID,
      name: values.STINT_APPROLE_NAME,
      mount: values.STINT_APPROLE_MOUNT,
    },
    transit: {
      mount: values.STINT_TRANSIT_MOUNT,
      key: values.STINT_TRANSIT_KEY ?? values.STINT_APPROLE_NAME,
    },
    acceptRewrapped: values.STINT_ACCEPT_REWRAPPED,
    serverLogin: toServerLogin(values, files),
    databaseCredentials: values.STINT_DATABASE_CREDENTIALS,
    secretsLimitBytes: values.STINT_SECRETS_LIMIT,
  };
}

function toServerLogin(values: SettingValues, files: SettingFiles): ServerLoginConfig | undefined {
  const { STINT_SERVER_TOKEN_FILE: file, STINT_SERVER_KUBERNETES_ROLE: role } = values;
  if (file !== undefined) return { method: 'token', file };
  const { STINT_SERVER_KUBERNETES_MOUNT: mount, STINT_SERVER_KUBERNETES_JWT: jwtFile } = values;
  if (role !== undefined) return { method: 'kubernetes', mount, role, jwtFile };
  return pairOf(values.STINT_SERVER_ROLE_ID, values.STINT_SERVER_SECRET_ID, (roleId, secretId) => ({
    method: 'approle',
    roleId,
    secretId,
    secretIdFile: files.STINT_SERVER_SECRET_ID,
    isWrapped: values.STINT_SERVER_WRAPPED,
  }));
}

function toDocker(values: SettingValues): DockerConfig {
  const { STINT_IMAGE_VERIFIER: program, STINT_IMAGE_VERIFIER_TIMEOUT: timeoutMs } = values;
  return {
    host: values.DOCKER_HOST,
    pullTimeoutMs: values.STINT_PULL_TIMEOUT,
    containerdRoot: values.STINT_CONTAINERD_ROOT,
    verifier: program === undefined ? undefined : { program, timeoutMs },
  };
}

/** Each takes a few megabytes of memory. */
const usualSandboxes = 4;

function toJob(values: SettingValues, machine: MachineFacts, rules: readonly AllowRule[]): JobConfig {
  const limits = {
    memoryBytes: values.STINT_JOB_MEMORY,
    cpus: values.STINT_JOB_CPUS ?? machine.cores,
    pids: values.STINT_JOB_PIDS,
    sharedMemoryBytes: values.STINT_JOB_SHM,
  };
  return {
    ...limits,
    network: values.STINT_JOB_NETWORK,
    policy: toPolicy(values, limits),
    rules,
    readOnly: values.STINT_JOB_READ_ONLY,
    seccompPath: values.STINT_JOB_SECCOMP,
    init: values.STINT_JOB_INIT,
    tokenInEnv: values.STINT_JOB_TOKEN_IN_ENV,
  };
}

/** A job may always ask for less than every job gets, and for the network of all jobs. */
function toPolicy(values: SettingValues, usual: OptionsPolicy['most']): OptionsPolicy {
  return {
    images: {
      allowed: values.STINT_ALLOW_IMAGES,
      digestsOnly: values.STINT_IMAGE_DIGESTS_ONLY,
      own: imagesOfSettings(values),
    },
    users: values.STINT_ALLOW_USERS ?? [],
    networks: [...(values.STINT_ALLOW_NETWORKS ?? []), values.STINT_JOB_NETWORK, 'none'],
    ports: values.STINT_ALLOW_PORTS ?? [],
    mounts: [...(values.STINT_ALLOW_MOUNTS ?? []), ...(values.STINT_ALLOW_VOLUMES ?? [])],
    capabilities: values.STINT_JOB_CAPABILITIES ?? [],
    mostStopGraceMs: values.STINT_STOP_GRACE_MAX,
    mostGpus: values.STINT_JOB_GPUS_MAX,
    usual: { cpus: usual.cpus, memoryBytes: usual.memoryBytes },
    most: {
      cpus: values.STINT_JOB_CPUS_MAX ?? usual.cpus,
      memoryBytes: values.STINT_JOB_MEMORY_MAX ?? usual.memoryBytes,
      pids: usual.pids,
      sharedMemoryBytes: values.STINT_JOB_SHM_MAX ?? usual.sharedMemoryBytes,
    },
  };
}

function imagesOfSettings(values: SettingValues): string[] {
  const { STINT_JOBPROXY_IMAGE, STINT_GAFFER_IMAGE, STINT_LOPCO_CLEAN_UP_IMAGE } = values;
  const images = [STINT_JOBPROXY_IMAGE, STINT_GAFFER_IMAGE, STINT_LOPCO_CLEAN_UP_IMAGE];
  return images.filter((image) => image !== undefined);
}

const unitBytes = { B: 1, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;

function toJobProxy(values: SettingValues): JobProxyConfig {
  return {
    image: values.STINT_JOBPROXY_IMAGE,
    pullPolicy: values.STINT_JOBPROXY_PULL_POLICY,
    memoryUnitBytes: unitBytes[values.STINT_JOBPROXY_MEMORY_UNIT],
    queue: values.STINT_JOBPROXY_QUEUE ?? null,
    outputRoot: values.STINT_JOBPROXY_OUTPUT_ROOT,
  };
}

function toServiceToken(values: SettingValues): Config['serviceToken'] {
  const { STINT_SERVICE_TOKEN: token } = values;
  if (token === undefined) return undefined;
  return { token, doors: values.STINT_SERVICE_DOORS ?? [], networks: values.STINT_SERVICE_NETWORKS ?? [] };
}

function toGaffer(values: SettingValues): GafferConfig {
  return {
    image: values.STINT_GAFFER_IMAGE,
    flapping: values.STINT_GAFFER_FLAPPING,
    origins: values.STINT_GAFFER_ORIGINS ?? [],
  };
}

function toRunai(values: SettingValues): Config['runai'] {
  return {
    projects: values.STINT_RUNAI_PROJECTS,
    serialProjects: values.STINT_RUNAI_SERIAL_PROJECTS,
  };
}

function toLopco(values: SettingValues): LopcoConfig {
  const { STINT_LOPCO_CPUS: cpus, STINT_LOPCO_MEMORY: memoryBytes, STINT_LOPCO_RUN_TIME: runTimeMs } = values;
  return {
    mostRunning: values.STINT_LOPCO_RUNNING,
    parallel: values.STINT_LOPCO_PARALLEL,
    registries: {
      machine: values.STINT_LOPCO_MACHINE_REGISTRY,
      pipeline: values.STINT_LOPCO_PIPELINE_REGISTRY,
    },
    callbackUrl: values.STINT_LOPCO_CALLBACK_URL,
    network: values.STINT_LOPCO_NETWORK,
    cacheVolume: values.STINT_LOPCO_CACHE_VOLUME,
    limits: {
      ...(cpus !== undefined && { cpus }),
      ...(memoryBytes !== undefined && { memoryBytes }),
      ...(runTimeMs !== undefined && { runTimeMs }),
    },
    cleanUpImage: values.STINT_LOPCO_CLEAN_UP_IMAGE,
  };
}

function defaultStateDirectory(machine: MachineFacts): string {
  return machine.isRoot ? '/var/lib/stint' : join(machine.home, '.local/state/stint');
}

function pairOf<A, B, T>(
  one: A | undefined,
  other: B | undefined,
  make: (one: A, other: B) => T,
): T | undefined {
  return one === undefined || other === undefined ? undefined : make(one, other);
}
