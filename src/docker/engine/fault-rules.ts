// Rules that recognize the faults of an engine by request, status and text.
import type { EngineCall } from './calls.js';

/** What can go wrong at the engine, as far as some code acts on it. */
export type EngineFault =
  /** No engine at the address, or no access to it. */
  | 'no_socket'
  | 'forbidden'
  | 'unreachable'
  /** The connection broke, or no answer came: it is unknown whether the request was carried out. */
  | 'cut'
  | 'timed_out'
  | 'disk_full'
  | 'image_missing'
  /** A container uses the image, or another image uses its layers. */
  | 'image_in_use'
  | 'image_denied'
  | 'image_platform'
  | 'registry_unreachable'
  /** The registry limits how often images are pulled. */
  | 'rate_limited'
  | 'reference_invalid'
  | 'container_missing'
  /** The engine knows the container, and the runtime below it does not. */
  | 'task_missing'
  | 'file_missing'
  /** The way to a file goes over more links than the engine follows. */
  | 'link_loop'
  | 'network_missing'
  | 'name_taken'
  | 'source_missing'
  /** 304: it is already in the state we asked for. */
  | 'already'
  | 'not_running'
  | 'being_removed'
  | 'no_command'
  | 'command_not_found'
  | 'command_not_executable'
  | 'directory_unusable'
  /** Something else listens on a port of the host that was to be published. */
  | 'port_taken'
  /** The engine lists the image and cannot read it: a pull that failed left it. */
  | 'image_hollow'
  /** The engine cannot give the GPUs that a container asks for. */
  | 'no_gpu'
  /** A volume of the image lies where the image has a file. */
  | 'volume_unusable'
  /** Content that does not fit the image: a file where the image has a directory, or the reverse. */
  | 'clash'
  | 'archive_refused'
  /** The engine refuses what we sent (4xx), or failed at it (5xx). */
  | 'refused'
  | 'broken';

export interface FaultRule {
  readonly fault: EngineFault;
  readonly calls?: readonly EngineCall[];
  readonly status?: readonly (number | string)[];
  readonly pattern?: RegExp;
}

const anyRefusal = [400, 403, 404, 405, 406, 409, 413, 422];

/** What an engine answers to these may be the words of a registry, or of what a job took for one. */
export const registryCalls: readonly EngineCall[] = ['pull', 'resolve'];

/**
 * The first rule that matches decides. The request is part of a rule because engines use one status, and even one text,
 * for several things; a pull that the registry refused has status 500. Examples are from Docker 20.10 unless noted: `29:` is
 * from Docker 29 with the containerd store.
 */
export const faultRules: readonly FaultRule[] = [
  // connect ENOENT /var/run/docker.sock
  { fault: 'no_socket', status: ['ENOENT'] },
  // connect EACCES /var/run/docker.sock
  { fault: 'forbidden', status: ['EACCES', 'EPERM'] },
  // connect ECONNREFUSED 127.0.0.1:2375
  {
    fault: 'unreachable',
    status: ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT'],
  },
  // socket hang up; read ECONNRESET; aborted
  { fault: 'cut', status: ['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'ERR_STREAM_PREMATURE_CLOSE'] },
  // transport is closing: unavailable; context canceled: the engine loses its runtime while it shuts down
  {
    fault: 'cut',
    calls: ['create', 'start', 'stop', 'kill', 'signal', 'remove', 'wait'],
    status: [500, 503],
    pattern: /transport is closing|context canceled|shutting down|: unavailable$/i,
  },
  // connection error: desc = "transport: Error while dialing dial unix …: connect: connection refused": unavailable
  // 29: cannot remove container "9535…": Unavailable: connection error: desc = "transport: Error while dialing: …"
  { fault: 'cut', status: [500, 503], pattern: /connection error: desc = "?transport/i },
  // Error processing tar file(exit status 1): write /big: no space left on device
  { fault: 'disk_full', pattern: /no space left on device|disk quota exceeded/i },
  // (empty body) for a second start, and for a stop of a container that has ended
  { fault: 'already', status: [304] },

  // No such image: nonesuch:1
  {
    fault: 'image_missing',
    calls: ['image', 'create', 'remove_image'],
    status: [404],
    pattern: /no such image/i,
  },
  // no such image: x@md5:…: unsupported digest algorithm; no such image: aaa…: invalid reference format: …
  { fault: 'reference_invalid', calls: ['image'], status: [400] },
  // conflict: unable to remove repository reference "x:1" (must force) - container 9535… is using its referenced image …
  { fault: 'image_in_use', calls: ['remove_image'], status: [409] },
  ...pullRules(),

  // Conflict. The container name "/x" is already in use by container "1a20…". You have to remove (or rename) …
  { fault: 'name_taken', calls: ['create'], status: [409] },
  // invalid mount config for type "bind": bind source path does not exist: /dev/shm/stint/…
  {
    fault: 'source_missing',
    calls: ['create', 'start'],
    pattern: /bind source path does not exist|bind mount source.*does not exist/i,
  },
  // … Bind for 0.0.0.0:8080 failed: port is already allocated; … listen tcp4 0.0.0.0:8080: bind: address already in use
  {
    fault: 'port_taken',
    calls: ['start'],
    pattern: /port is already allocated|bind: address already in use/i,
  },
  // No command specified (22 and later: "no command specified")
  { fault: 'no_command', calls: ['create', 'start'], pattern: /no command specified/i },
  // network nonet not found
  { fault: 'network_missing', calls: ['create', 'start', 'network'], pattern: /network .* not found/i },
  ...gpuRules(),
  ...startRules(),
  // At create: Cannot mkdir: /etc/passwd is not a directory. At start: …: chdir to cwd ("/root/x") …: permission denied
  {
    fault: 'directory_unusable',
    calls: ['create', 'start'],
    pattern: /cannot mkdir|chdir to cwd|mkdir .*(not a directory|file exists)/i,
  },
  // lstat /var/lib/docker/…/etc/passwd/x: not a directory; lstat /…: file name too long
  // evalSymlinksInScope: too many links in /var/lib/docker/…/loop
  {
    fault: 'directory_unusable',
    calls: ['create'],
    pattern: /stat .*(not a directory|file name too long)|too many (links|levels of symbolic links)/i,
  },
  // cannot mount volume over existing file, file exists /var/lib/docker/…/etc/passwd
  { fault: 'volume_unusable', calls: ['create'], pattern: /cannot mount volume over existing file/i },

  // 29: error walking manifest for x:1: descriptor is neither a manifest or index
  { fault: 'image_hollow', calls: ['create'], pattern: /error walking manifest|neither a manifest/i },

  // Cannot kill container: 9535…: Container 9535… is not running
  { fault: 'not_running', calls: ['kill', 'signal', 'stop'], status: [409] },
  // removal of container 9535… is already in progress
  {
    fault: 'being_removed',
    calls: ['remove', 'stop', 'kill', 'signal'],
    pattern: /already in progress|marked for removal/i,
  },
  // Could not find the file /gostint_image.yml in container 9535…
  {
    fault: 'file_missing',
    calls: ['download', 'upload'],
    status: [404],
    pattern: /could not find the file/i,
  },
  // (HEAD answers have no body)
  { fault: 'file_missing', calls: ['look'], status: [404] },
  // evalSymlinksInScope: too many links in /var/lib/docker/overlay2/4928…/merged/etc/passwd
  { fault: 'link_loop', calls: ['download'], pattern: /too many (?:levels of symbolic )?links/i },
  // lstat /var/lib/docker/overlay2/4928…/merged/etc/passwd/x: not a directory
  { fault: 'file_missing', calls: ['download'], pattern: /not a directory/i },
  // Error processing tar file(exit status 1): open /bin/busybox/x: not a directory
  {
    fault: 'clash',
    calls: ['upload'],
    pattern: /not a directory|is a directory|cannot overwrite|device or resource busy|too many levels/i,
  },
  // Error processing tar file(exit status 1): archive/tar: invalid tar header
  { fault: 'archive_refused', calls: ['upload'], pattern: /error processing tar file/i },
  // containerd 2: NotFound: task 9535… not found: not found
  { fault: 'task_missing', calls: ['top'], status: [404], pattern: /\btask\b.*not found/i },
  // No such container: 9535…
  { fault: 'container_missing', status: [404], pattern: /no such container/i },
  { fault: 'refused', status: anyRefusal },
];

function pullRules(): FaultRule[] {
  const calls: readonly EngineCall[] = registryCalls;
  return [
    // invalid reference format: repository name must be lowercase
    { fault: 'reference_invalid', calls, pattern: /invalid reference format|invalid tag format/i },
    // toomanyrequests: You have reached your pull rate limit; error parsing HTTP 429 response body: …
    // 29: unexpected status from HEAD request to https://…: 429 Too Many Requests
    { fault: 'rate_limited', calls, status: [429] },
    { fault: 'rate_limited', calls, pattern: /toomanyrequests|too many requests|HTTP 429 response/i },
    // 29: error from registry: incorrect username or password
    { fault: 'image_denied', calls, status: [401, 403] },
    // 29: an image of schema 1
    { fault: 'refused', calls, status: [501] },
    ...transferRules(calls),
    // no matching manifest for linux/arm64/v8 in the manifest list entries
    {
      fault: 'image_platform',
      calls,
      pattern: /no matching manifest|does not match the specified platform/i,
    },
    // pull access denied for x, repository does not exist or may require 'docker login': denied: requested access …
    // unauthorized: authentication required; no basic auth credentials; error parsing HTTP 403 response body: …
    {
      fault: 'image_denied',
      calls,
      pattern:
        /denied|docker login|unauthorized|authentication required|no basic auth|forbidden|HTTP 40[13] response/i,
    },
    // manifest for 127.0.0.1:5000/x:nope not found: manifest unknown: manifest unknown
    {
      fault: 'image_missing',
      calls,
      pattern: /manifest unknown|not found|does not exist|name unknown|HTTP 404 response/i,
    },
    { fault: 'image_missing', calls, status: [404] },
    // Get "http://127.0.0.1:5999/v2/": dial tcp 127.0.0.1:5999: connect: connection refused
    // Get "https://nonesuch.invalid/v2/": dial tcp: lookup nonesuch.invalid on …: no such host
    // net/http: TLS handshake timeout; x509: certificate signed by unknown authority
    // received unexpected HTTP status: 503 …; 29: unexpected status from HEAD request to https://…: 503 …
    {
      fault: 'registry_unreachable',
      calls,
      pattern:
        /connection refused|connection reset|no such host|dial tcp|network is unreachable|no route to host|timeout|timed out|deadline exceeded|x509|tls:|https client|\bEOF\b|unexpected (HTTP )?status|server misbehaving/i,
    },
  ];
}

/** The registry has the image, and a part of it is missing or wrong. */
function transferRules(calls: readonly EngineCall[]): FaultRule[] {
  return [
    // unknown blob; filesystem layer verification failed for digest …; failed to register layer: …: unexpected EOF
    {
      fault: 'broken',
      calls,
      pattern: /unknown blob|layer verification failed|failed to register layer/i,
    },
    // 29: could not fetch content descriptor … from remote: not found; failed commit on ref "layer-…": …
    // failed to unpack image on snapshotter overlayfs: unexpected media type text/html for …: not found
    {
      fault: 'broken',
      calls,
      pattern:
        /content descriptor .* not found|failed commit on ref|short read|failed to unpack|unexpected media type/i,
    },
  ];
}

function gpuRules(): FaultRule[] {
  return [
    // could not select device driver "" with capabilities: [[gpu]]
    // 29: failed to discover GPU vendor from CDI: no known GPU vendor found; AMD CDI spec not found
    // CDI device injection failed: unresolvable CDI devices nvidia.com/gpu=1
    // with Nvidia's tools: OCI runtime create failed: …: nvidia-container-cli: device error: 3: unknown device: unknown
    {
      fault: 'no_gpu',
      calls: ['create', 'start'],
      pattern:
        /could not select device driver|GPU vendor|CDI device|CDI spec not found|nvidia-container-cli/i,
    },
  ];
}

/** These happen only without an init process in the container; with one, see `container/init-failure.ts`. */
function startRules(): FaultRule[] {
  const calls: EngineCall[] = ['start'];
  return [
    // …: unable to start container process: exec: "nope": executable file not found in $PATH: unknown
    // …: exec: "/nope/x": stat /nope/x: no such file or directory: unknown
    {
      fault: 'command_not_found',
      calls,
      pattern: /exec: .*(executable file not found|no such file or directory)/i,
    },
    // …: exec: "/etc": permission denied: unknown (22 and later: "is a directory")
    // …: exec: "/loop": stat /loop: too many levels of symbolic links: unknown
    // …: exec: "/etc/passwd/x": stat /etc/passwd/x: not a directory: unknown: Are you trying to mount a directory …
    {
      fault: 'command_not_executable',
      calls,
      pattern:
        /exec: .*(permission denied|is a directory|not a directory|too many levels of symbolic links|operation not permitted|text file busy|argument list too long)|exec format error/i,
    },
  ];
}
