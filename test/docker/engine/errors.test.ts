import { describe, expect, test } from 'vitest';
import type { EngineCall } from '../../../src/docker/engine/calls.js';
import { isFault, scrub, toEngineError } from '../../../src/docker/engine/errors.js';
import type { EngineFault } from '../../../src/docker/engine/fault-rules.js';
import { BrokenError } from '../../../src/job/errors.js';

function answered(statusCode: number, message: string): object {
  return {
    statusCode,
    json: { message },
    message: `(HTTP code ${statusCode}) no such container - ${message}`,
  };
}

const id = '9535'.padEnd(64, 'a');

/** What engines have answered to calls, and what it means. */
const answers: [EngineFault, EngineCall, object][] = [
  ['no_socket', 'version', { code: 'ENOENT' }],
  ['forbidden', 'version', { code: 'EACCES' }],
  ['unreachable', 'info', { code: 'ECONNREFUSED' }],
  ['cut', 'wait', { code: 'ECONNRESET' }],
  ['cut', 'create', { code: 'ERR_STREAM_PREMATURE_CLOSE' }],
  ['cut', 'start', answered(500, 'transport is closing: unavailable')],
  ['cut', 'start', answered(500, 'context canceled: unknown')],
  [
    'cut',
    'download',
    answered(
      503,
      'Unavailable: connection error: desc = "transport: Error while dialing: dial unix:///c.sock: timeout"',
    ),
  ],
  [
    'cut',
    'top',
    answered(
      503,
      'connection error: desc = "transport: Error while dialing dial unix /c.sock: refused": unavailable',
    ),
  ],
  ['broken', 'start', answered(500, 'OCI runtime create failed: something else: unknown')],
  ['no_gpu', 'start', answered(500, 'could not select device driver "" with capabilities: [[gpu]]')],
  ['no_gpu', 'start', answered(500, 'failed to discover GPU vendor from CDI: no known GPU vendor found')],
  ['no_gpu', 'start', answered(500, 'AMD CDI spec not found')],
  ['no_gpu', 'start', answered(500, 'CDI device injection failed: unresolvable CDI devices x.com/gpu=0')],
  [
    'no_gpu',
    'start',
    answered(
      500,
      'OCI runtime create failed: … nvidia-container-cli: device error: 3: unknown device: unknown',
    ),
  ],
  [
    'disk_full',
    'upload',
    answered(500, 'Error processing tar file(exit status 1): write /big: no space left on device'),
  ],
  ['already', 'start', answered(304, '')],
  ['file_missing', 'look', { statusCode: 404, message: '(HTTP code 404) unexpected -  ' }],
  ['broken', 'look', { statusCode: 500, message: '(HTTP code 500) unexpected -  ' }],
  ['image_missing', 'image', answered(404, 'No such image: nonesuch:1')],
  ['image_missing', 'create', answered(404, 'No such image: nonesuch:1')],
  [
    'image_missing',
    'pull',
    answered(404, 'manifest for x:nope not found: manifest unknown: manifest unknown'),
  ],
  [
    'image_denied',
    'pull',
    answered(404, "pull access denied for x, repository does not exist or may require 'docker login'"),
  ],
  ['image_denied', 'pull', answered(500, 'Get "http://r/v2/": no basic auth credentials')],
  [
    'image_platform',
    'pull',
    answered(500, 'no matching manifest for linux/arm64/v8 in the manifest list entries'),
  ],
  [
    'registry_unreachable',
    'pull',
    answered(500, 'Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused'),
  ],
  ['registry_unreachable', 'pull', answered(500, 'x509: certificate signed by unknown authority')],
  ['reference_invalid', 'pull', answered(400, 'invalid reference format: repository name must be lowercase')],
  ['reference_invalid', 'image', answered(400, 'no such image: x@md5:aaaa: unsupported digest algorithm')],
  ['reference_invalid', 'image', answered(400, 'no such image: [::1]:5000/a: invalid reference format')],
  ['refused', 'image', answered(403, 'this proxy allows no look-ups')],
  ['directory_unusable', 'create', answered(500, 'lstat /var/lib/docker/x/etc/passwd/x: not a directory')],
  ['directory_unusable', 'create', answered(500, 'lstat /var/lib/docker/x/aaaa: file name too long')],
  [
    'directory_unusable',
    'create',
    answered(500, 'evalSymlinksInScope: too many links in /var/lib/docker/x/a'),
  ],
  ['directory_unusable', 'create', answered(500, 'stat /x/a: too many levels of symbolic links')],
  [
    'directory_unusable',
    'start',
    answered(500, 'OCI runtime create failed: mkdir /c/c1: file exists: unknown'),
  ],
  [
    'volume_unusable',
    'create',
    answered(500, 'cannot mount volume over existing file, file exists /var/lib/docker/x/etc/passwd'),
  ],
  [
    'name_taken',
    'create',
    answered(409, `Conflict. The container name "/x" is already in use by container "${id}".`),
  ],
  [
    'source_missing',
    'create',
    answered(400, 'invalid mount config for type "bind": bind source path does not exist: /dev/shm/x/y'),
  ],
  ['no_command', 'create', answered(400, 'No command specified')],
  ['network_missing', 'start', answered(404, 'network nonet not found')],
  ['network_missing', 'network', answered(404, 'network nonet not found')],
  ['command_not_found', 'start', answered(400, 'exec: "nope": executable file not found in $PATH: unknown')],
  ['command_not_executable', 'start', answered(400, 'exec: "/etc": permission denied: unknown')],
  [
    'command_not_executable',
    'start',
    answered(400, 'exec: "/a": stat /a: too many levels of symbolic links: unknown'),
  ],
  [
    'command_not_executable',
    'start',
    answered(
      400,
      'exec: "/a/b": stat /a/b: not a directory: unknown: Are you trying to mount a directory onto a file',
    ),
  ],
  ['directory_unusable', 'create', answered(500, 'Cannot mkdir: /etc/passwd is not a directory')],
  [
    'directory_unusable',
    'start',
    answered(400, 'chdir to cwd ("/root/x") set in config.json failed: permission denied'),
  ],
  [
    'link_loop',
    'download',
    answered(500, 'evalSymlinksInScope: too many links in /var/lib/docker/x/merged/a'),
  ],
  ['not_running', 'kill', answered(409, `Cannot kill container: ${id}: Container ${id} is not running`)],
  ['not_running', 'signal', answered(409, `Cannot kill container: ${id}: Container ${id} is not running`)],
  ['being_removed', 'remove', answered(409, `removal of container ${id} is already in progress`)],
  [
    'file_missing',
    'download',
    answered(404, `Could not find the file /gostint_image.yml in container ${id}`),
  ],
  [
    'clash',
    'upload',
    answered(500, 'Error processing tar file(exit status 1): open /bin/busybox/x: not a directory'),
  ],
  [
    'archive_refused',
    'upload',
    answered(500, 'Error processing tar file(exit status 1): archive/tar: invalid tar header'),
  ],
  ['container_missing', 'inspect', answered(404, `No such container: ${id}`)],
  ['task_missing', 'top', answered(404, `NotFound: task ${id} not found: not found`)],
  ['container_missing', 'top', answered(404, `No such container: ${id}`)],
  ['refused', 'top', answered(409, `Container ${id} is not running`)],
  ['broken', 'top', answered(500, 'error running ps: exec: "ps": executable file not found in $PATH')],
  ['refused', 'create', answered(400, 'Range of CPUs is from 0.01 to 2.00')],
  ['broken', 'start', answered(500, 'something new')],
  ['broken', 'start', new TypeError('a bug in the library')],
];

const layer = 'sha256:1702245ac785';
const head = 'unexpected status from HEAD request to http://r.test:5000/v2/team/x/manifests/1';

/** What engines said when a registry gave the answer of the first column: Docker 20.10.24 and 29.7.2. */
const pulls: [string, EngineFault, number, string][] = [
  ['401', 'image_denied', 500, 'unauthorized: authentication required'],
  [
    '401',
    'image_denied',
    500,
    `unknown: failed to resolve reference "r.test:5000/team/x:1": ${head}: 401 Unauthorized`,
  ],
  ['401 of its token server', 'image_denied', 401, 'error from registry: incorrect username or password'],
  ['403 of its token server', 'image_denied', 403, 'error from registry: no'],
  [
    '403',
    'image_denied',
    500,
    `unknown: failed to resolve reference "r.test:5000/team/x:1": ${head}: 403 Forbidden`,
  ],
  [
    '403 without words',
    'image_denied',
    500,
    `error parsing HTTP 403 response body: invalid character 'o': "nope"`,
  ],
  [
    '403',
    'image_denied',
    404,
    "pull access denied for r.test:5000/team/x, repository does not exist or may require 'docker login': denied: words",
  ],
  [
    '404',
    'image_missing',
    404,
    'failed to resolve reference "r.test:5000/team/x:1": r.test:5000/team/x:1: not found',
  ],
  ['404', 'image_missing', 404, 'manifest for r.test:5000/team/x:1 not found: manifest unknown: words'],
  ['404', 'image_missing', 500, 'manifest unknown'],
  [
    '404 without words',
    'image_missing',
    500,
    `error parsing HTTP 404 response body: invalid character 'o': "nope"`,
  ],
  [
    '429',
    'rate_limited',
    500,
    `unknown: failed to resolve reference "r.test:5000/team/x:1": ${head}: 429 Too Many Requests`,
  ],
  ['429', 'rate_limited', 500, 'toomanyrequests: You have reached your pull rate limit'],
  [
    '429 without words',
    'rate_limited',
    500,
    `error parsing HTTP 429 response body: invalid character 's': "slow"`,
  ],
  [
    '429 for a layer',
    'rate_limited',
    500,
    `failed open: unexpected status from GET request to http://r.test:5000/v2/team/x/blobs/${layer}: 429 Too Many Requests`,
  ],
  ['429 of its token server', 'rate_limited', 429, 'error from registry: slow down'],
  ['500', 'registry_unreachable', 500, 'received unexpected HTTP status: 500 Internal Server Error'],
  [
    '503',
    'registry_unreachable',
    500,
    `unknown: failed to resolve reference "r.test:5000/team/x:1": ${head}: 503 Service Unavailable`,
  ],
  [
    '500 for a layer',
    'registry_unreachable',
    500,
    `failed open: unexpected status from GET request to http://r.test:5000/v2/team/x/blobs/${layer}: 500 Internal Server Error`,
  ],
  [
    'no answer of its token server',
    'registry_unreachable',
    500,
    'failed to fetch anonymous token: Get "http://r.test/token": dial tcp: connect: connection refused',
  ],
  [
    '404 for a layer',
    'broken',
    500,
    `failed to copy: httpReadSeeker: failed open: could not fetch content descriptor ${layer} (application/vnd.docker.image.rootfs.diff.tar.gzip) from remote: not found`,
  ],
  ['404 for a layer', 'broken', 500, 'unknown blob'],
  [
    'other bytes for a layer',
    'broken',
    500,
    `failed commit on ref "layer-${layer}": commit failed: unexpected commit digest ${layer}, expected ${layer}: failed precondition`,
  ],
  ['other bytes for a layer', 'broken', 500, `filesystem layer verification failed for digest ${layer}`],
  ['too few bytes for a layer', 'broken', 500, 'short read: expected 29 bytes but got 0: unexpected EOF'],
  [
    'a layer that is no archive',
    'broken',
    500,
    'failed to register layer: Error processing tar file(exit status 1): unexpected EOF',
  ],
  [
    'HTML',
    'broken',
    500,
    `failed to unpack image on snapshotter overlayfs: unexpected media type text/html for ${layer}: not found`,
  ],
  ['an image of an old kind', 'refused', 501, 'schema 1 manifests are not supported'],
];

describe('a pull whose registry answers', () => {
  test.each(pulls)('%s gives %s (%i, "%s")', (_, fault, status, text) => {
    expect(toEngineError('pull', answered(status, text), 'r.test:5000/team/x:1').fault).toBe(fault);
  });

  test.each(['denied', 'team/unauthorized', 'forbidden.test/x', 'x/toomanyrequests', '429'])(
    'with nothing for an image called %s says so, whatever the name says',
    (name) => {
      const said = [
        `failed to resolve reference "${name}:1": ${name}:1: not found`,
        `manifest for ${name}:1 not found: manifest unknown: manifest unknown`,
        `failed to resolve reference "${name}:1": Head "https://r.test/v2/${name}/manifests/1": ${name}:1: not found`,
      ];
      for (const text of said)
        expect(toEngineError('pull', answered(404, text), `${name}:1`).fault).toBe('image_missing');
    },
  );

  test('with a refusal for an image called so too says that', () => {
    const text = "pull access denied for denied, repository does not exist or may require 'docker login'";

    expect(toEngineError('pull', answered(404, text), 'denied:latest').fault).toBe('image_denied');
  });

  test('shows the engine’s text with the names in it', () => {
    expect(toEngineError('pull', answered(500, 'no room for x:1'), 'x:1').text).toBe('no room for x:1');
  });
});

describe('toEngineError', () => {
  test.each(answers)('finds %s in what `%s` got', (fault, call, thrown) => {
    expect(toEngineError(call, thrown)).toMatchObject({ fault, call, retryable: true });
  });

  test.each<[EngineFault, EngineCall, object]>([
    ['no_socket', 'create', { code: 'ENOENT' }],
    ['cut', 'create', { code: 'ECONNRESET' }],
    ['cut', 'start', answered(500, 'transport is closing: unavailable')],
    ['disk_full', 'upload', answered(500, 'write /big: no space left on device')],
    ['network_missing', 'create', answered(404, 'network nonet not found')],
    ['broken', 'version', answered(500, 'something new')],
    ['refused', 'info', answered(403, 'this proxy allows nothing')],
  ])('an engine with %s, seen by `%s`, is unavailable to every job', (fault, call, thrown) => {
    expect(toEngineError(call, thrown)).toMatchObject({ fault, code: 'engine_unavailable' });
  });

  test.each([
    'write /var/lib/docker/tmp/x: no space left on device',
    'blob upload: disk quota exceeded',
    'connection error: desc = "transport: Error while dialing: dial unix: refused": unavailable',
    'No such container: x',
    'network jobs not found',
    'Could not find the file /x in container y',
  ])('nothing that a registry may have said is a fault of the engine: %s', (text) => {
    for (const call of ['pull', 'resolve'] as const)
      for (const status of [304, 400, 404, 409, 500, 503])
        expect(toEngineError(call, answered(status, text)).code).toBe('engine_failed');
  });

  test.each<[EngineFault, EngineCall, object]>([
    ['broken', 'create', answered(500, 'failed to create a snapshot')],
    ['broken', 'create', answered(503, 'something new')],
    ['refused', 'create', answered(400, 'something new')],
    ['name_taken', 'create', answered(409, 'Conflict.')],
    ['broken', 'download', answered(500, 'something new')],
    ['image_missing', 'create', answered(404, 'No such image: x:1')],
    ['container_missing', 'start', answered(404, 'No such container: x')],
  ])('an answer of %s to the `%s` of one job says nothing about the engine', (fault, call, thrown) => {
    expect(toEngineError(call, thrown)).toMatchObject({ fault, code: 'engine_failed' });
  });

  test('reads the engine’s message from the library’s text when there is no other', () => {
    const message = '(HTTP code 404) no such container - Could not find the file /x in container 9535 ';

    expect(toEngineError('download', { statusCode: 404, message })).toMatchObject({
      fault: 'file_missing',
      text: 'Could not find the file /x in container 9535',
    });
  });

  test('says what to do, in a sentence of ours', () => {
    const error = toEngineError('info', { code: 'ENOENT', message: 'connect ENOENT /var/run/docker.sock' });

    expect(error).toBeInstanceOf(BrokenError);
    expect(error.message).toBe(
      'Could not ask the engine for its state: its socket does not exist. Start the engine (systemctl start docker), or set DOCKER_HOST.',
    );
  });

  test('keeps no text of the library', () => {
    const { message } = toEngineError('start', new Error('secret text of a library'));

    expect(message).toBe('Could not start the container: the engine failed and gave no reason. See its log.');
  });
});

test('isFault accepts only our own errors', () => {
  const error = toEngineError('info', { code: 'ENOENT' });

  expect(isFault(error, 'cut', 'no_socket')).toBe(true);
  expect(isFault(error, 'cut')).toBe(false);
  expect(isFault({ fault: 'cut' }, 'cut')).toBe(false);
});

describe('scrub', () => {
  test.each([
    ['a path of the host', 'open /var/lib/docker/overlay2/49/merged/x: no', 'open [path]: no'],
    ['a path of the job', 'open /etc/passwd: no', 'open /etc/passwd: no'],
    ['a whole id', `container ${id} is`, `container ${id.slice(0, 12)} is`],
    ['line breaks and bells', 'a\r\nb\u0007c', 'a b c'],
    ['far too much', 'x'.repeat(400), `${'x'.repeat(300)}…`],
  ])('makes %s fit to be shown', (_, text, expected) => {
    expect(scrub(text)).toBe(expected);
  });
});
