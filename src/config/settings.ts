// The list of all settings with defaults and meanings; docs/settings.md is generated from it.
import { callerSettings } from './caller-settings.js';
import { jobSettings } from './job-settings.js';
import { retentionSettings, waitingSettings } from './keeping-settings.js';
import { lopcoSettings } from './lopco-settings.js';

/** One setting as it is documented; `schema.ts` parses its value. */
export interface Setting {
  readonly name: string;
  /** GoStint's name for it, which is still read. */
  readonly alias?: string;
  /** GoStint takes any text in this variable as "on". */
  readonly aliasIsSwitch?: true;
  /** The value when it is not set, as text; undefined when there is none or it is derived. */
  readonly default?: string;
  /** Where the default comes from when it is derived. */
  readonly derived?: string;
  readonly required?: true;
  /** A secret: never shown, and readable from a file named by `<name>_FILE`. */
  readonly secret?: true;
  readonly meaning: string;
}

/** Every setting there is, in the order of docs/settings.md. */
export const settings = [
  {
    name: 'STINT_PORT',
    alias: 'GOSTINT_PORT',
    default: '3232',
    meaning: 'Port to listen on; 0 takes a free one.',
  },
  {
    name: 'STINT_HOST',
    derived: '`127.0.0.1`, with TLS `0.0.0.0`',
    meaning: 'Address to listen on.',
  },
  { name: 'STINT_TLS_CERT', alias: 'GOSTINT_SSL_CERT', meaning: 'Path of the certificate (PEM) for HTTPS.' },
  { name: 'STINT_TLS_KEY', alias: 'GOSTINT_SSL_KEY', meaning: 'Path of its private key (PEM).' },
  {
    name: 'STINT_TLS_CLIENT_CA',
    meaning:
      'Path of authorities (PEM): whoever connects must have a certificate that one of them signed. Needs `STINT_TLS_CERT`. All three files are looked at each minute, and taken when they changed.',
  },
  {
    name: 'STINT_INSECURE_HTTP',
    default: 'false',
    meaning: 'Allow plain HTTP on an address that others can reach: tokens then travel in the clear.',
  },
  {
    name: 'STINT_DATABASE_URL',
    required: true,
    secret: true,
    meaning: 'Postgres 15 or later, as `postgres://user:password@host/database`.',
  },
  {
    name: 'STINT_DATABASE_CREDENTIALS',
    meaning:
      "Path in Vault that makes logins at Postgres, such as `database/creds/stint`, read with the server's own login; `STINT_DATABASE_URL` then names no user.",
  },
  { name: 'VAULT_ADDR', required: true, meaning: 'Address of Vault or OpenBao.' },
  {
    name: 'VAULT_EXTERNAL_ADDR',
    derived: '`VAULT_ADDR`',
    meaning: 'Its address as browsers reach it.',
  },
  { name: 'VAULT_CACERT', meaning: "Path of the authority (PEM) that signed Vault's certificate." },
  { name: 'VAULT_NAMESPACE', meaning: 'Vault namespace to work in.' },
  {
    name: 'VAULT_SKIP_VERIFY',
    default: 'false',
    meaning: "Accept any certificate of Vault's: for trials only.",
  },
  { name: 'STINT_VAULT_TIMEOUT', default: '10s', meaning: 'Longest wait for one answer of Vault.' },
  {
    name: 'STINT_APPROLE_ID',
    alias: 'GOSTINT_ROLEID',
    required: true,
    secret: true,
    meaning: 'RoleID of the AppRole that jobs log in with.',
  },
  {
    name: 'STINT_APPROLE_NAME',
    alias: 'GOSTINT_ROLENAME',
    required: true,
    meaning: 'Name of that AppRole; SecretIDs of other roles are refused.',
  },
  { name: 'STINT_APPROLE_MOUNT', default: 'approle', meaning: 'Where the AppRole method is mounted.' },
  { name: 'STINT_TRANSIT_MOUNT', default: 'transit', meaning: 'Where the transit engine is mounted.' },
  {
    name: 'STINT_TRANSIT_KEY',
    derived: '`STINT_APPROLE_NAME`',
    meaning: 'Transit key that payloads are encrypted with.',
  },
  {
    name: 'STINT_SERVER_ROLE_ID',
    alias: 'GOSTINT_RUN_ROLEID',
    secret: true,
    meaning: "RoleID of the server's own AppRole login, if it has one.",
  },
  {
    name: 'STINT_SERVER_SECRET_ID',
    alias: 'GOSTINT_RUN_SECRETID',
    secret: true,
    meaning: 'SecretID that goes with it. A file is read again at each login.',
  },
  {
    name: 'STINT_SERVER_WRAPPED',
    default: 'false',
    meaning:
      '`STINT_SERVER_SECRET_ID` is a wrapping token with the SecretID; it is opened once, so each start needs a new one.',
  },
  {
    name: 'STINT_SERVER_TOKEN_FILE',
    meaning:
      "Instead of an AppRole: file with a token for the server, which something else keeps valid, such as Vault's agent.",
  },
  {
    name: 'STINT_SERVER_KUBERNETES_ROLE',
    meaning: "Instead of an AppRole: role of Vault's Kubernetes method that the server logs in with.",
  },
  {
    name: 'STINT_SERVER_KUBERNETES_MOUNT',
    default: 'kubernetes',
    meaning: 'Where the Kubernetes method is mounted.',
  },
  {
    name: 'STINT_SERVER_KUBERNETES_JWT',
    default: '/var/run/secrets/kubernetes.io/serviceaccount/token',
    meaning: 'File with the token of the service account that the server logs in with there.',
  },
  {
    name: 'STINT_ACCEPT_REWRAPPED',
    default: 'false',
    meaning: "Accept SecretIDs wrapped again through `sys/wrapping/wrap`, as GoStint's web page does.",
  },
  {
    name: 'STINT_WRAP_MINIMUM',
    default: '0s',
    meaning: 'A submit whose wrapping token expires sooner is answered with a warning.',
  },
  {
    name: 'STINT_ACCESS',
    default: 'owner',
    meaning: '`owner`: only the submitter sees a job; `shared`: every valid token sees and kills all.',
  },
  {
    name: 'STINT_DOORS',
    derived: 'all of them',
    meaning: 'The job APIs that are served, separated by commas; the others are answered as unknown paths.',
  },
  {
    name: 'STINT_SERVICE_TOKEN',
    secret: true,
    meaning:
      'Vault token for callers that cannot send one: who may connect from `STINT_SERVICE_NETWORKS` then acts in its name at `STINT_SERVICE_DOORS`.',
  },
  {
    name: 'STINT_SERVICE_DOORS',
    meaning: 'Doors where callers without a token act with the service token, separated by commas.',
  },
  {
    name: 'STINT_SERVICE_NETWORKS',
    meaning:
      'Networks that such callers connect from, separated by commas: `10.1.0.0/16`. Behind a proxy all callers have its address.',
  },
  {
    name: 'STINT_JOBPROXY_IMAGE',
    meaning: "Image of JobProxy's tasks without a container; without it they are refused.",
  },
  {
    name: 'STINT_JOBPROXY_PULL_POLICY',
    default: 'Always',
    meaning: "When images of JobProxy's tasks are pulled: `Always`, `IfNotPresent` or `Never`.",
  },
  {
    name: 'STINT_JOBPROXY_MEMORY_UNIT',
    default: 'MiB',
    meaning: 'What a plain number in the `memory` of a task of JobProxy counts: `B`, `MiB` or `GiB`.',
  },
  {
    name: 'STINT_JOBPROXY_QUEUE',
    meaning:
      "Queue of JobProxy's tasks, which then run strictly one after another; without it they do not wait.",
  },
  {
    name: 'STINT_JOBPROXY_OUTPUT_ROOT',
    meaning:
      "Directory of the node below which `stdout` and `stderr` of JobProxy's tasks are written; without it they are only in the state.",
  },
  {
    name: 'STINT_GAFFER_IMAGE',
    meaning: "Image of gaffer's jobs that name none; without it those are refused.",
  },
  {
    name: 'STINT_GAFFER_FLAPPING',
    default: '5, 1m, 30s, 10',
    meaning:
      "When gaffer's jobs without `flapping` are stopped because their processes keep ending: so many ends within a time; then after a pause they are started again, so many times.",
  },
  {
    name: 'STINT_GAFFER_ORIGINS',
    meaning: "Origins whose pages may call gaffer's door, as `https://host`, separated by commas.",
  },
  {
    name: 'STINT_BAD_TOKENS',
    default: '100',
    meaning:
      'How many tokens that Vault refuses it is asked about at once; a tenth as many come back each second. Beyond them a token that Vault has not accepted lately is answered with 429.',
  },
  {
    name: 'STINT_BAD_TOKENS_PER_ADDRESS',
    default: '20',
    meaning: 'The same for each address that requests come from (for IPv6: 64 bits of it).',
  },
  ...callerSettings,
  {
    name: 'STINT_OPERATOR_POLICIES',
    meaning:
      'Vault policies that make a caller an operator, separated by commas: a short cut for the rights on `…/operator/` (docs/rights.md).',
  },
  {
    name: 'STINT_RIGHTS',
    default: 'true',
    meaning: 'Ask Vault what a caller may do with the jobs of others (docs/rights.md).',
  },
  {
    name: 'STINT_RIGHTS_PATH',
    default: 'stint',
    meaning: 'The beginning of the paths that Vault is asked for; nothing need be mounted there.',
  },
  {
    name: 'STINT_SUBMIT_NEEDS_RIGHT',
    default: 'false',
    meaning:
      'Only who has `create` on the path of a queue may submit there; otherwise every valid token may.',
  },
  { name: 'STINT_SLOTS', derived: '2 × CPU cores', meaning: 'Jobs that run at once on this node.' },
  { name: 'STINT_STARTS', derived: 'CPU cores', meaning: 'Containers that are started at once.' },
  {
    name: 'STINT_QUEUE_LIMIT',
    default: '0',
    meaning: 'Jobs that may wait in a queue that has no limit of its own; 0 is any number.',
  },
  ...waitingSettings,
  {
    name: 'STINT_STOP_GRACE',
    default: '15s',
    meaning: 'Time between the stop signal and SIGKILL.',
  },
  {
    name: 'STINT_STOP_GRACE_MAX',
    default: '1m',
    meaning: 'The longest such time that a job may ask for.',
  },
  { name: 'STINT_MAX_RUN_TIME', default: '24h', meaning: 'Longest run of a job.' },
  {
    name: 'STINT_OUTPUT_LIMIT',
    default: '16MiB',
    meaning: 'Output kept of one job; the middle of a longer one is dropped and counted.',
  },
  {
    name: 'STINT_SECRETS_LIMIT',
    default: '1MiB',
    meaning:
      'All secret values of one job together; a job with more fails (`secrets_too_large`). Looking for them in its output takes up to 100 bytes of memory, and a microsecond or two once, for each byte.',
  },
  { name: 'STINT_MASK_OUTPUT', default: 'true', meaning: 'Replace secret values in stored output.' },
  {
    name: 'STINT_ON_SECRET_IN_OUTPUT',
    default: 'mask',
    meaning:
      '`revoke`: the token of a job that prints a secret is revoked at once, with all that it leased, and the job goes on without it; `mask`: the secret is masked and named in the history, nothing else.',
  },
  { name: 'STINT_BODY_LIMIT', default: '32MiB', meaning: 'Largest request body.' },
  {
    name: 'STINT_WORK_MEMORY',
    default: '256MiB',
    meaning:
      'Memory for large requests in work: half of it for bodies that are read (beyond it: 503), half for jobs that run (the next one waits in its slot). Small ones are not counted.',
  },
  { name: 'STINT_CONTENT_LIMIT', default: '256MiB', meaning: 'Largest content of a job, unpacked.' },
  { name: 'STINT_PULL_TIMEOUT', default: '10m', meaning: 'Longest pull of an image.' },
  {
    name: 'STINT_CONTAINERD_ROOT',
    derived: '`/var/lib/containerd`, where the engine keeps its images in the containerd of the system',
    meaning:
      'Directory of the containerd that has the images and files of containers, for its free space. Only for an engine on this host.',
  },
  { name: 'STINT_JOB_MEMORY', default: '1GiB', meaning: 'Memory limit of a job.' },
  { name: 'STINT_JOB_CPUS', derived: 'CPU cores', meaning: 'CPU limit of a job; fractions are allowed.' },
  { name: 'STINT_JOB_PIDS', default: '512', meaning: 'Limit of processes and threads of a job.' },
  {
    name: 'STINT_RUNAI_PROJECTS',
    derived: 'any',
    meaning: 'The projects that Run:AI jobs may be submitted to, separated by commas.',
  },
  {
    name: 'STINT_RUNAI_SERIAL_PROJECTS',
    default: 'false',
    meaning: 'Whether the Run:AI jobs of a project run one after another, in the queue of its name.',
  },
  ...lopcoSettings,
  ...jobSettings,
  {
    name: 'STINT_SECRETS_DIR',
    default: '/dev/shm/stint',
    meaning: 'Directory in memory for the secrets files of running jobs.',
  },
  {
    name: 'STINT_STATE_DIR',
    derived: '`~/.local/state/stint`, as root `/var/lib/stint`',
    meaning: 'Directory for the node id and the seal key.',
  },
  {
    name: 'STINT_SEAL_KEY',
    secret: true,
    derived: 'a file in `STINT_STATE_DIR`',
    meaning: 'Key (32 bytes in base64) that seals waiting credentials; nodes on one database share it.',
  },
  {
    name: 'STINT_NODE_ID',
    derived: 'a file in `STINT_STATE_DIR`',
    meaning: 'UUID of this node.',
  },
  {
    name: 'STINT_LEASE',
    default: '30s',
    meaning: 'How long a claim is valid without a heartbeat of its node.',
  },
  {
    name: 'STINT_LOST_GRACE',
    default: '30s',
    meaning: 'How long after the end of its lease a silent node is taken for dead and its jobs are settled.',
  },
  {
    name: 'STINT_HOLD_LIMIT',
    default: '5m',
    meaning:
      'How long a queue is held at most while a lost job may still run on an engine that cannot be reached.',
  },
  {
    name: 'STINT_ON_SHUTDOWN',
    default: 'finish',
    meaning:
      '`finish`: a node that is told to end waits for its jobs; `leave`: it leaves them to its next start.',
  },
  {
    name: 'STINT_DRAIN_TIMEOUT',
    default: '10m',
    meaning: 'How long it waits for them before it leaves them to its next start.',
  },
  {
    name: 'STINT_IDEMPOTENCY_TTL',
    default: '24h',
    meaning: 'How long a submit may be repeated under its `Idempotency-Key`.',
  },
  {
    name: 'STINT_AUDIT_KEY',
    meaning:
      'Transit key of the type ed25519 that signs the head of the history, with the own login of the server; without it none is signed.',
  },
  {
    name: 'STINT_AUDIT_INTERVAL',
    default: '10m',
    meaning: 'How often the head of the history is signed.',
  },
  {
    name: 'STINT_REAP_GRACE',
    default: '10m',
    meaning: 'Age at which a container of stint whose job is unknown is removed.',
  },
  ...retentionSettings,
  {
    name: 'STINT_IMAGE_CACHE',
    meaning: 'Total size of the images that stint pulled; the least recently used are removed first.',
  },
  {
    name: 'STINT_LOG_LEVEL',
    default: 'info',
    meaning: '`debug`, `info`, `warn` or `error`.',
  },
  {
    name: 'STINT_DEBUG',
    alias: 'GOSTINT_DEBUG',
    aliasIsSwitch: true,
    default: 'false',
    meaning: 'The same as `STINT_LOG_LEVEL=debug`.',
  },
  {
    name: 'STINT_FAILPOINTS',
    meaning:
      'For crash tests only: where the server kills, stops or delays itself, as `before-unwrap=kill,after-start=delay:500@2`.',
  },
  {
    name: 'DOCKER_HOST',
    default: 'unix:///var/run/docker.sock',
    meaning: 'The Docker engine: `unix://` and a path, or `tcp://host:port`.',
  },
  {
    name: 'STINT_INSECURE_DOCKER',
    default: 'false',
    meaning: 'Allow plain TCP to an engine on another machine: secrets then travel in the clear.',
  },
] as const satisfies readonly Setting[];

export type SettingName = (typeof settings)[number]['name'];

/** The settings' texts as they were found, under their own names. */
export type RawSettings = Partial<Record<SettingName, string>>;
