// The zod schema: what text each setting accepts and the value it is parsed to.
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { z } from 'zod';
import { checkFields } from '../job/check.js';
import { durationShape, parseDuration, showDuration } from '../job/duration.js';
import { failpointsShape, parseFailpoints } from '../job/failpoint.js';
import { findImageProblem } from '../job/image-reference.js';
import { doors, pullPolicies } from '../job/job.js';
import { parseRules } from '../job/keeping/retention.js';
import { isLabel } from '../job/naming/dns-label.js';
import { mostGpus } from '../job/options/check-options.js';
import { isImagePattern } from '../job/options/image-policy.js';
import type { AllowedMount } from '../job/options/policy.js';
import { Secret } from '../job/secret.js';
import { parseSize, showSize, sizeShape } from '../job/size.js';
import type { SettingName } from './settings.js';

/** Node's timers hold milliseconds in 32 bits; a longer timer would fire at once. */
const longestTimerMs = 24 * 86_400_000;

/** A text that is parsed; `shape` completes "Expected NAME to be …" when `parse` returns undefined. */
function text<T>(shape: string, parse: (text: string) => T | undefined) {
  return z.string().transform((given, context): T => {
    const value = parse(given);
    if (value !== undefined) return value;
    context.addIssue({ code: 'custom', message: shape });
    return z.NEVER;
  });
}

function matching(shape: string, pattern: RegExp) {
  return text(shape, (given) => (pattern.test(given) ? given : undefined));
}

function oneOf<const T extends string>(...words: readonly T[]) {
  return text(words.map((word) => `\`${word}\``).join(' or '), (given) =>
    words.find((word) => word === given),
  );
}

const boolean = text('`true`, `false`, `1` or `0`', parseBoolean);

export function parseBoolean(given: string): boolean | undefined {
  if (given === 'true' || given === '1') return true;
  return given === 'false' || given === '0' ? false : undefined;
}

function integer(least: number, most: number) {
  const inRange = (value: number) => (value >= least && value <= most ? value : undefined);
  return text(`a whole number from ${least} to ${most}`, (given) =>
    /^\d{1,15}$/.test(given) ? inRange(Number(given)) : undefined,
  );
}

function duration(leastMs: number) {
  const inRange = (ms: number) => (ms >= leastMs && ms <= longestTimerMs ? ms : undefined);
  return text(
    `${durationShape}, from ${showDuration(leastMs)} to ${showDuration(longestTimerMs)}`,
    (given) => {
      const ms = parseDuration(given);
      return ms === undefined ? undefined : inRange(ms);
    },
  );
}

function size(leastBytes: number) {
  return text(`${sizeShape}, at least ${showSize(leastBytes)}`, (given) => {
    const bytes = parseSize(given);
    return bytes === undefined || bytes < leastBytes ? undefined : bytes;
  });
}

const cpus = text('a number of CPUs such as `2` or `0.5`, from 0.01 to 1024', (given) => {
  const value = /^\d{1,4}(?:\.\d{1,3})?$/.test(given) ? Number(given) : 0;
  return value >= 0.01 && value <= 1024 ? value : undefined;
});

/** Made absolute at once: a relative path would depend on the directory where the server was started. */
const path = text('a path', (given) => (given.includes('\0') ? undefined : resolve(given)));

const secret = text('a text without line breaks and blanks', (given) =>
  /^[!-~]+$/.test(given) ? new Secret(given) : undefined,
);

const databaseUrl = text('a URL that starts with `postgres://` or `postgresql://`', (given) =>
  /^postgres(?:ql)?:\/\/\S+$/.test(given) ? new Secret(given) : undefined,
);

/** A key of another length is refused: it must not be cut or padded silently. */
const sealKey = text('32 bytes in base64 (44 characters, `openssl rand -base64 32`)', (given) =>
  /^[A-Za-z0-9+/]{43}=$/.test(given) ? new Secret(given) : undefined,
);

/** Without the slashes at its end, because paths are appended to it. */
const baseAddress = text('an `http://` or `https://` URL without credentials and query', (given) => {
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) return undefined;
  const bare = url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  return bare ? given.replace(/\/+$/, '') : undefined;
});

const dockerHost = text('`unix://` and an absolute path, or `tcp://host:port`', (given) => {
  if (/^unix:\/\/\/[^\0]+$/.test(given)) return given;
  return /^tcp:\/\/(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\]):\d{1,5}$/.test(given) ? given : undefined;
});

/** A job in the host's or another container's network could reach what listens on loopback there. */
const network = text(
  '`bridge`, `isolated`, `none` or the name of a network, but not `host` or another container',
  (given) => (/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/.test(given) && given !== 'host' ? given : undefined),
);

const uuid = text('a UUID', (given) =>
  /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(given) ? given.toLowerCase() : undefined,
);

const host = matching('a host name or an IP address', /^[A-Za-z0-9.:-]+$/);
const mount = matching(
  'a mount path such as `approle`, without a slash at either end',
  /^[\w-]+(?:[/.][\w-]+)*$/,
);
const name = matching('a name of letters, digits, `_`, `-` and `.`', /^[\w.-]+$/);
const credentialsPath = matching(
  'a path in Vault such as `database/creds/stint`',
  /^[\w-][\w.-]*(?:\/[\w-][\w.-]*)+$/,
);
const namespace = matching('a namespace such as `team/app`', /^[\w-]+(?:\/[\w-]+)*\/?$/);

/** `default` is refused because every token has it. */
const policies = text('names of Vault policies, separated by commas, `default` not among them', (given) => {
  const names = given.split(',').map((each) => each.trim().toLowerCase());
  return names.every((each) => /^[^\s,]+$/.test(each) && each !== 'default') ? names : undefined;
});

const rightsPath = matching(
  'a path such as `stint` or `apps/stint`: segments of letters, digits, `_` and `-`',
  /^[\w-]+(?:\/[\w-]+)*$/,
);

/** A list, separated by commas, each entry parsed; undefined where one of them is wrong. */
function list<T>(shape: string, parse: (entry: string) => T | undefined) {
  return text(`${shape}, separated by commas`, (given) => {
    const entries = given.split(',').map((each) => parse(each.trim()));
    return entries.every((entry) => entry !== undefined) ? (entries as T[]) : undefined;
  });
}

const users = list('users as `uid:gid`, or `image`', (entry) => {
  if (entry === 'image') return entry;
  const [, uid, gid] = /^(\d{1,9}):(\d{1,9})$/.exec(entry) ?? [];
  return uid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
});

/** Named here, `host` is allowed: the operator means it. */
const networks = list('names of networks', (entry) =>
  /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/.test(entry) ? entry : undefined,
);

const ports = list('ports such as `8080` or `18000-18999`', (entry) => {
  const [, first, last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(entry) ?? [];
  const [from, to] = [Number(first), Number(last)];
  return from >= 1 && to <= 65_535 && from <= to ? { from, to } : undefined;
});

const mounts = list(
  'absolute paths without `.`, `..` or a slash at the end, each with `:rw` or not',
  (entry) => allowed('bind', /^(\/|(?:\/(?!\.{1,2}(?:\/|$))[^\0/:,]+)+?)(:rw)?$/.exec(entry)),
);
const volumes = list('names of volumes, each with `:rw` or not', (entry) =>
  allowed('volume', /^([a-zA-Z0-9][a-zA-Z0-9_.-]*)(:rw)?$/.exec(entry)),
);

function allowed(kind: AllowedMount['kind'], match: RegExpExecArray | null): AllowedMount | undefined {
  const [, source, mode] = match ?? [];
  return source === undefined ? undefined : { kind, source, readOnly: mode === undefined };
}

const projects = list('names of projects such as `team-a`', (entry) => (isLabel(entry) ? entry : undefined));

const doorNames = text(`names of doors, separated by commas, out of ${doors.join(', ')}`, (given) => {
  const names = given.split(',').map((each) => each.trim());
  const known = doors.filter((door) => names.includes(door));
  return known.length === names.length ? known : undefined;
});

/** GoStint's clients always send a token. */
const withoutToken = doors.filter((door) => door !== 'gostint');
const guestDoors = list(`names of doors, out of ${withoutToken.join(', ')}`, (entry) =>
  withoutToken.find((door) => door === entry),
);

const subnets = list('networks such as `10.1.0.0/16`, `192.0.2.7` or `fd00::/8`', (entry) => {
  const [address = '', bits, rest] = entry.split('/');
  const most = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  const prefix = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : -1;
  return rest === undefined && prefix >= 0 && prefix <= most ? { address, prefix } : undefined;
});

/** `90d,runai=7d,queue:nightly=30d` */
function rules(shape: string, parse: (value: string) => number | undefined) {
  const places = `beginning with \`DOOR=\` or \`queue:NAME=\` if need be (doors: ${doors.join(', ')})`;
  return text(`${shape}, ${places}, each place once, separated by commas`, (given) =>
    parseRules(given, parse),
  );
}

function parseCount(given: string): number | undefined {
  return /^\d{1,10}$/.test(given) ? Number(given) : undefined;
}

const images = list('patterns of images such as `docker.io/library/*`, `public` or `ids`', (entry) =>
  isImagePattern(entry) ? entry : undefined,
);

/** What Docker gives where nobody asks; no others, and not those that reach the network or devices below the rules of it. */
const grantable = [
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
] as const;
const capabilities = list(`names of capabilities, out of ${grantable.join(', ')}`, (entry) =>
  grantable.find((each) => each === entry),
);

const image = text('a reference of an image such as `ubuntu:24.04`', (given) =>
  findImageProblem(given) === undefined ? given : undefined,
);

/** As the fields of `flapping` in a job of gaffer, times in seconds. */
const flapping = text(
  'a number of ends, a time, a pause and a number of tries, such as `5, 1m, 30s, 10`',
  (given) => {
    const [attempts = '', window = '', pause = '', tries = '', ...more] = given
      .split(',')
      .map((each) => each.trim());
    const [windowMs, pauseMs] = [parseDuration(window), parseDuration(pause)];
    const isCount = /^[1-9]\d{0,1}$/.test(attempts) && /^\d{1,6}$/.test(tries) && more.length === 0;
    if (!isCount || windowMs === undefined || pauseMs === undefined) return undefined;
    return {
      attempts: Number(attempts),
      window: windowMs / 1000,
      retry_in: pauseMs / 1000,
      max_retry: Number(tries),
    };
  },
);

const origins = list('origins such as `https://ops.example.org`', (entry) =>
  URL.canParse(entry) && new URL(entry).origin === entry ? entry : undefined,
);

/** Queues have names in lower case. */
const queueName = text('the name of a queue, 1 to 255 characters without control characters', (given) =>
  given.length <= 255 && checkFields({ queue: given }).length === 0 ? given.toLowerCase() : undefined,
);

/** What each setting accepts and what it is parsed to. A setting that is required or has a default is never missing. */
export const schema = z.object({
  STINT_PORT: integer(0, 65_535),
  STINT_HOST: host.optional(),
  STINT_TLS_CERT: path.optional(),
  STINT_TLS_KEY: path.optional(),
  STINT_TLS_CLIENT_CA: path.optional(),
  STINT_INSECURE_HTTP: boolean,
  STINT_DATABASE_URL: databaseUrl,
  STINT_DATABASE_CREDENTIALS: credentialsPath.optional(),
  VAULT_ADDR: baseAddress,
  VAULT_EXTERNAL_ADDR: baseAddress.optional(),
  VAULT_CACERT: path.optional(),
  VAULT_NAMESPACE: namespace.optional(),
  VAULT_SKIP_VERIFY: boolean,
  STINT_VAULT_TIMEOUT: duration(100),
  STINT_APPROLE_ID: secret,
  STINT_APPROLE_NAME: name,
  STINT_APPROLE_MOUNT: mount,
  STINT_TRANSIT_MOUNT: mount,
  STINT_TRANSIT_KEY: name.optional(),
  STINT_SERVER_ROLE_ID: secret.optional(),
  STINT_SERVER_SECRET_ID: secret.optional(),
  STINT_SERVER_WRAPPED: boolean,
  STINT_SERVER_TOKEN_FILE: path.optional(),
  STINT_SERVER_KUBERNETES_ROLE: name.optional(),
  STINT_SERVER_KUBERNETES_MOUNT: name,
  STINT_SERVER_KUBERNETES_JWT: path,
  STINT_ACCEPT_REWRAPPED: boolean,
  STINT_WRAP_MINIMUM: duration(0),
  STINT_ACCESS: oneOf('owner', 'shared'),
  STINT_DOORS: doorNames.optional(),
  STINT_SERVICE_TOKEN: secret.optional(),
  STINT_SERVICE_DOORS: guestDoors.optional(),
  STINT_SERVICE_NETWORKS: subnets.optional(),
  STINT_JOBPROXY_IMAGE: image.optional(),
  STINT_JOBPROXY_PULL_POLICY: oneOf(...pullPolicies),
  STINT_JOBPROXY_MEMORY_UNIT: oneOf('B', 'MiB', 'GiB'),
  STINT_JOBPROXY_QUEUE: queueName.optional(),
  STINT_JOBPROXY_OUTPUT_ROOT: path.optional(),
  STINT_GAFFER_IMAGE: image.optional(),
  STINT_GAFFER_FLAPPING: flapping,
  STINT_GAFFER_ORIGINS: origins.optional(),
  STINT_OPERATOR_POLICIES: policies.optional(),
  STINT_RIGHTS: boolean,
  STINT_RIGHTS_PATH: rightsPath,
  STINT_SUBMIT_NEEDS_RIGHT: boolean,
  STINT_SLOTS: integer(1, 10_000).optional(),
  STINT_OWNER_SLOTS: integer(0, 10_000),
  STINT_STARTS: integer(1, 1000).optional(),
  STINT_SANDBOXES: integer(0, 100).optional(),
  STINT_BAD_TOKENS: integer(1, 100_000),
  STINT_BAD_TOKENS_PER_ADDRESS: integer(1, 100_000),
  STINT_CALLER_REQUESTS: integer(1, 10_000),
  STINT_CALLER_WAITING: integer(0, 100_000),
  STINT_LONG_ANSWERS_PER_CALLER: integer(1, 10_000),
  STINT_LONG_ANSWERS: integer(1, 10_000),
  STINT_LEAST_READ: size(1),
  STINT_UNREAD_LIMIT: size(1024 * 1024),
  STINT_QUEUE_LIMIT: integer(0, 1_000_000),
  STINT_OWNER_WAITING: integer(0, 1_000_000),
  STINT_OWNER_WAITING_BYTES: size(0),
  STINT_WAITING: integer(0, 10_000_000),
  STINT_WAITING_BYTES: size(0),
  STINT_STOP_GRACE: duration(0),
  STINT_STOP_GRACE_MAX: duration(0),
  STINT_MAX_RUN_TIME: duration(1000),
  STINT_OUTPUT_LIMIT: size(1024),
  STINT_SECRETS_LIMIT: size(1024),
  STINT_MASK_OUTPUT: boolean,
  STINT_ON_SECRET_IN_OUTPUT: oneOf('mask', 'revoke'),
  STINT_BODY_LIMIT: size(1024),
  STINT_WORK_MEMORY: size(16 * 1024 * 1024),
  STINT_CONTENT_LIMIT: size(1024),
  STINT_PULL_TIMEOUT: duration(1000),
  STINT_CONTAINERD_ROOT: path.optional(),
  STINT_JOB_MEMORY: size(6 * 1024 * 1024),
  STINT_JOB_CPUS: cpus.optional(),
  STINT_JOB_PIDS: integer(1, 4_194_304),
  STINT_RUNAI_PROJECTS: projects.optional(),
  STINT_RUNAI_SERIAL_PROJECTS: boolean,
  STINT_LOPCO_RUNNING: integer(1, 10_000),
  STINT_LOPCO_PARALLEL: integer(1, 100),
  STINT_LOPCO_MACHINE_REGISTRY: baseAddress.optional(),
  STINT_LOPCO_PIPELINE_REGISTRY: baseAddress.optional(),
  STINT_LOPCO_CALLBACK_URL: baseAddress.optional(),
  STINT_LOPCO_NETWORK: network.optional(),
  STINT_LOPCO_CACHE_VOLUME: matching('the name of a volume', /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$/),
  STINT_LOPCO_CPUS: cpus.optional(),
  STINT_LOPCO_MEMORY: size(6 * 1024 * 1024).optional(),
  STINT_LOPCO_RUN_TIME: duration(1000).optional(),
  STINT_LOPCO_CLEAN_UP_IMAGE: image.optional(),
  STINT_JOB_NETWORK: network,
  STINT_IMAGE_SECRET_REFS: boolean,
  STINT_JOB_READ_ONLY: boolean,
  STINT_JOB_SECCOMP: path.optional(),
  STINT_JOB_CAPABILITIES: capabilities.optional(),
  STINT_JOB_SHM: size(64 * 1024),
  STINT_JOB_MEMORY_MAX: size(6 * 1024 * 1024).optional(),
  STINT_JOB_CPUS_MAX: cpus.optional(),
  STINT_JOB_SHM_MAX: size(64 * 1024).optional(),
  STINT_JOB_GPUS_MAX: integer(0, mostGpus),
  STINT_ALLOW_IMAGES: images,
  STINT_IMAGE_DIGESTS_ONLY: boolean,
  STINT_IMAGE_VERIFIER: path.optional(),
  STINT_IMAGE_VERIFIER_TIMEOUT: duration(100),
  STINT_ALLOW_USERS: users.optional(),
  STINT_ALLOW_NETWORKS: networks.optional(),
  STINT_ALLOW_PORTS: ports.optional(),
  STINT_ALLOW_MOUNTS: mounts.optional(),
  STINT_ALLOW_VOLUMES: volumes.optional(),
  STINT_ALLOW_RULES: path.optional(),
  STINT_JOB_INIT: oneOf('auto', 'always', 'never'),
  STINT_JOB_TOKEN_IN_ENV: boolean,
  STINT_SECRETS_DIR: path,
  STINT_STATE_DIR: path.optional(),
  STINT_SEAL_KEY: sealKey.optional(),
  STINT_NODE_ID: uuid.optional(),
  STINT_LEASE: duration(1000),
  STINT_LOST_GRACE: duration(100),
  STINT_HOLD_LIMIT: duration(0),
  STINT_ON_SHUTDOWN: oneOf('finish', 'leave'),
  STINT_DRAIN_TIMEOUT: duration(0),
  STINT_IDEMPOTENCY_TTL: duration(60_000),
  STINT_AUDIT_KEY: name.optional(),
  STINT_AUDIT_INTERVAL: duration(1_000),
  STINT_REAP_GRACE: duration(1000),
  STINT_RETENTION: rules(durationShape, parseDuration),
  STINT_RETENTION_JOBS: rules('a whole number', parseCount).optional(),
  STINT_IMAGE_CACHE: size(1024 * 1024).optional(),
  STINT_LOG_LEVEL: oneOf('debug', 'info', 'warn', 'error'),
  STINT_DEBUG: boolean,
  STINT_FAILPOINTS: text(failpointsShape, parseFailpoints).optional(),
  DOCKER_HOST: dockerHost,
  STINT_INSECURE_DOCKER: boolean,
} satisfies Record<SettingName, z.ZodType>);

/** The settings' values; undefined where nothing was set and there is no default of its own. */
export type SettingValues = z.infer<typeof schema>;
