/** A request that must be refused, and what the refusal has to say. */
export interface BadInput {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly status: number;
  /** What the text must say, in this order, between `…`. */
  readonly says: string;
}

type Body = NonNullable<BadInput['body']>;

function posted(name: string, body: Body, says: string, more: Partial<BadInput> = {}): BadInput {
  return { name, method: 'POST', path: 'submit', body, status: 400, says, ...more };
}

/** A task in which only this is wrong. */
function withFields(fields: object, says: string): BadInput {
  const name = JSON.stringify(fields).slice(0, 60);
  return posted(name, JSON.stringify({ user: 'kai', cmd: 'true', ...fields }), says);
}

function withContainer(fields: object, says: string): BadInput {
  return withFields({ container: { image: 'busybox', ...fields } }, says);
}

function withXml(xml: string, says: string): BadInput {
  return posted(xml.slice(0, 60), xml, says, { headers: { 'content-type': 'application/xml' } });
}

const body = 'the body';
const range = 'expected a whole number';

export const badBodies: readonly BadInput[] = [
  posted('no body', '', `${body}…nothing`),
  posted('a list', '[]', `${body}…a JSON object…a list`),
  posted('null', 'null', `${body}…a JSON object…nothing`),
  posted('an envelope', '{"task":{"user":"kai","cmd":"true"}}', `${body}…object…\`task\``),
  posted('an open object', '{"user":"kai"', `${body}…too early`),
  posted('bytes that are no UTF-8', Uint8Array.of(0x7b, 0xff, 0x7d), `${body}…UTF-8`),
  posted('a deep nesting', `{"x":${'['.repeat(100_000)}`, `${body}…64 levels`),
  posted('a field twice', '{"user":"a","user":"b","cmd":"id"}', '"user" twice'),
  posted('a large body', ' '.repeat(1024 * 1024 + 1), `${body}…1048576 bytes`, { status: 413 }),
  posted('a table', 'a,b', '`Content-Type`…application/xml', {
    status: 415,
    headers: { 'content-type': 'text/csv' },
  }),
  posted('a form', 'user=kai', '`Content-Type`', {
    status: 415,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  }),
  withXml('', 'well-formed'),
  withXml('<task><user>kai</user>', 'well-formed'),
  withXml('<states/>', 'element `task`'),
  withXml('<t:task xmlns:t="u"/>', 'without a namespace'),
  withXml('<!DOCTYPE task [<!ENTITY x SYSTEM "file:///etc/passwd">]><task/>', 'document type'),
  withXml('<task><cmd>&x;</cmd></task>', 'well-formed'),
  withXml('<task>'.repeat(100_000), 'at most 16 levels'),
  withXml(`<task>${'<cmd/>'.repeat(100_000)}`, 'at most 10000 elements'),
  withXml('<task><user>a</user><user>b</user><cmd>id</cmd></task>', 'user: …a list'),
  withXml('<task><user>a</user><cmd/></task>', 'cmd: size must be between'),
  withXml('<task><user>a</user><cmd>id</cmd><cores/></task>', 'cores: '),
];

export const badTasks: readonly BadInput[] = [
  posted('no user', '{"cmd":"true"}', 'user: may not be null'),
  withFields({ user: '' }, 'user: size must be between 1 and 2147483647'),
  withFields({ user: 7 }, 'user: …a text…a number'),
  withFields({ user: 'u'.repeat(256) }, 'user: …255'),
  withFields({ user: 'a\nb' }, 'user: …control characters'),
  withFields({ user: '\ud800' }, 'user: …well-formed'),
  withFields({ cmd: null }, 'cmd: may not be null'),
  withFields({ cmd: '' }, 'cmd: size must be between'),
  withFields({ cmd: [''] }, 'cmd: size must be between'),
  withFields({ cmd: ['', 'a'] }, 'cmd[0]: size must be between'),
  withFields({ cmd: 7 }, 'cmd: …a text…a number'),
  withFields({ cmd: ['a', 7] }, 'cmd[1]: …a text…a number'),
  withFields({ cmd: ['a', 'b\0'] }, '`cmd`…NUL'),
  withFields({ cmd: 'x'.repeat(200_000) }, '`cmd`…131071'),
  withFields({ cmd: 'x'.repeat(1_000_000) }, '`cmd`…131071'),
  withFields({ container: 'x'.repeat(100_000) }, 'container: …an object…a longer text'),
  ...['abc', true, [1], {}, 1.5, -1, 2 ** 31, '1.5', '-1', '', '1e3'].map((cores) =>
    withFields({ cores }, `cores: ${range}`),
  ),
  ...['abc', false, 1.5, -1, 0, 2 ** 31, '2X', '512MB', '-2G'].map((memory) =>
    withFields({ memory }, `memory: ${range}`),
  ),
  ...['1h', 0, -1, 0.5, 1e12].map((cputime) => withFields({ cputime }, `cputime: ${range}`)),
  withFields({ stdout: '' }, 'stdout: size must be between'),
  withFields({ stdout: 1 }, 'stdout: …a text'),
  withFields({ stderr: 'a\0' }, 'stderr: …NUL'),
  withFields({ container: 'busybox' }, 'container: …an object…a text'),
  withFields({ container: { cmd: 'id' } }, 'container.image: may not be null'),
  withFields({ container: { image: '' } }, 'container.image: size must be between'),
  withFields({ container: { image: 'A b' } }, '`container.image`'),
  withFields({ container: { image: 'a' }, tcontainer: { image: 'a' } }, 'container: …`tcontainer` too'),
  withContainer({ ports: 80 }, 'container.ports.port: …an object…a number'),
  withContainer({ ports: { port: {} } }, 'container.ports.port.container: may not be null'),
  withContainer({ ports: [{ port: { container: 80 } }, 'x'] }, 'container.ports[1].port: …an object'),
  ...[0, 65_536, -1, 1.5, '80/tcp', 'http'].map((port) =>
    withContainer(
      { ports: { port: { host: 80, container: port } } },
      `container.ports.port.container: ${range} from 1 to 65535`,
    ),
  ),
  withContainer(
    { ports: { port: { host: 65_536, container: 1 } } },
    'container.ports.port.host: …0 to 65535',
  ),
  withContainer({ mounts: ['/data:/data'] }, 'container.mounts.mount: …an object…a text'),
  withContainer(
    { mounts: { mount: { host: '/data' } } },
    'container.mounts.mount.container: may not be null',
  ),
  withContainer(
    { mounts: { mount: { host: '', container: '/a' } } },
    'container.mounts.mount.host: size must be',
  ),
  withContainer(
    { mounts: { mount: { host: '/a', container: '/a', mode: 'rx' } } },
    'container.mounts.mount.mode: …`ro` or `rw`…"rx"',
  ),
  withFields({ secret_refs: ['A@x.y'] }, 'wrap_secret_id: may not be null'),
  withFields({ wrap_secret_id: 's.w', secret_refs: ['A'] }, '`secret_refs`…"A"'),
  withFields({ wrap_secret_id: 's.w', secret_file_type: 'xml' }, 'secret_file_type: …`yaml` or `json`…"xml"'),
  withFields({ wrap_secret_id: 's.w', cont_on_warnings: 'yes' }, 'cont_on_warnings: …`true` or `false`'),
  withFields({ wrap_secret_id: 's. CANARY' }, 'wrap_secret_id: …something else'),
];

const ro = { mount: { host: '/data/ref', container: '/ref', mode: 'ro' } };

/** What the operator of the test's server does not allow. */
export const forbiddenTasks: readonly BadInput[] = [
  withFields({ cores: 3 }, '`cores`…3…STINT_JOB_CPUS_MAX'),
  withFields({ memory: 2048 }, '`memory`…STINT_JOB_MEMORY_MAX'),
  withContainer(
    { ports: { port: { host: 8080, container: 80 } } },
    '`container.ports`…8080…STINT_ALLOW_PORTS',
  ),
  withContainer({ mounts: ro }, '`container.mounts`…"/data/ref"…STINT_ALLOW_MOUNTS'),
].map((input) => ({ ...input, status: 403 }));

const id = '0'.repeat(24);
const noToken = { headers: {}, status: 401, says: 'X-Auth-Token' };

export const badRequests: readonly BadInput[] = [
  { name: 'submit without a token', method: 'POST', path: 'submit', body: '{}', ...noToken },
  { name: 'list without a token', method: 'GET', path: 'state', ...noToken },
  { name: 'state without a token', method: 'GET', path: `state/${id}`, ...noToken },
  { name: 'delete without a token', method: 'DELETE', path: `delete/${id}`, ...noToken },
  {
    name: 'a refused token',
    method: 'GET',
    path: 'state',
    headers: { 'x-vault-token': 'x' },
    status: 403,
    says: 'Vault',
  },
  { name: 'an unknown id', method: 'GET', path: `state/${id}`, status: 404, says: 'not found' },
  { name: 'no id', method: 'GET', path: 'state/7', status: 404, says: 'not found' },
  { name: 'a bad escape', method: 'GET', path: 'state/%zz', status: 404, says: 'not found' },
  { name: 'deleting an unknown id', method: 'DELETE', path: `delete/${id}`, status: 404, says: 'not found' },
  { name: 'an unknown path', method: 'GET', path: 'tasks', status: 404, says: 'The path was not found' },
  { name: 'the prefix alone', method: 'GET', path: '', status: 404, says: 'The path was not found' },
  { name: 'a state that is posted', method: 'POST', path: 'state', status: 405, says: 'GET, HEAD…POST' },
  { name: 'a submit that is got', method: 'GET', path: 'submit', status: 405, says: 'POST…GET' },
  { name: 'a ping that is posted', method: 'POST', path: 'ping', status: 405, says: 'GET, HEAD…POST' },
  {
    name: 'a list as a page',
    method: 'GET',
    path: 'state',
    headers: { 'x-auth-token': 's.token1', accept: 'text/html' },
    status: 406,
    says: '`Accept`',
  },
  {
    ...posted('two keys', '{"user":"kai","cmd":"id"}', '`Idempotency-Key`'),
    headers: { 'idempotency-key': 'a, b' },
  },
];
